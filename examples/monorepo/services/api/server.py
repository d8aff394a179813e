"""The whole repository is there, so a service may use what others do."""

import json
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

with open("../../shared/greeting.json", encoding="utf-8") as file:
    greeting = json.load(file)["greeting"]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"greeting": greeting, "service": "api"}).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


HTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
