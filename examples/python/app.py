"""Nothing but an application: Slipway finds out how it is built and started."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def hello():
    return "Hello, without a configuration\n"
