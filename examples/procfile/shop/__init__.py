from flask import Flask

shop = Flask(__name__)


@shop.get("/")
def hello():
    return "Hello from a Procfile\n"
