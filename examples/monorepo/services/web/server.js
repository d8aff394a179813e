// The whole repository is there, so a service may use what others do.
const http = require("node:http");
const { greeting } = require("../../shared/greeting.json");

http.createServer((_, response) => response.end(`${greeting}: web\n`)).listen(process.env.PORT);
