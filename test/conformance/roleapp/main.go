// Command roleapp is an application that uses the AWS SDK for Go as its instance role, and knows nothing of
// Slipway.
//
//	/secret?id=   the value of a secret
//	/who          who it is
//	/credentials  its credentials, as no other application would tell
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func main() {
	c, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	c.RetryMaxAttempts = 1
	answer("/who", func(r *http.Request) (any, error) {
		out, err := sts.NewFromConfig(c).GetCallerIdentity(r.Context(), &sts.GetCallerIdentityInput{})
		if err != nil {
			return nil, err
		}
		return *out.Arn, nil
	})
	answer("/secret", func(r *http.Request) (any, error) {
		id := r.FormValue("id")
		out, err := secretsmanager.NewFromConfig(c).GetSecretValue(r.Context(), &secretsmanager.GetSecretValueInput{SecretId: &id})
		if err != nil {
			return nil, err
		}
		return *out.SecretString, nil
	})
	answer("/credentials", func(r *http.Request) (any, error) { return c.Credentials.Retrieve(r.Context()) })
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "it runs") })
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}

// answer serves what f returns as JSON, and its error as 502.
func answer(path string, f func(*http.Request) (any, error)) {
	http.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		out, err := f(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(out)
	})
}
