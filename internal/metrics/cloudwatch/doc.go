// Package cloudwatch shows the metrics of services as CloudWatch has them: by namespace, name and
// dimensions, one statistic at a time.
//
// A service has the dimensions ServiceName and ServiceID, an instance of it Instance as well. What App
// Runner measures is in its namespace; what Slipway measures beyond that is in one of its own, so that
// nobody takes it for App Runner's.
//
// Source: https://docs.aws.amazon.com/apprunner/latest/dg/monitor-cw.html.
package cloudwatch
