"""The smallest Flask application: it greets."""

import os

from flask import Flask

app = Flask(__name__)


@app.get("/")
def hello():
    return f"{os.environ.get('GREETING', 'Hello from Python')}\n"
