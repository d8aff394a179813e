# syntax=docker/dockerfile:1
# python311 3.11.14, built as Slipway builds it. Build it in the root of the repository.

# The whole repository, in the image with compilers and package managers.
FROM images.example/python311-build:3.11.14 AS pre-build-stage
COPY . /app

# The build itself.
FROM pre-build-stage AS build-stage
SHELL ["/bin/sh", "-e", "-c"]
WORKDIR /app/services/api
ARG PIP_CACHE_DIR="/root/.cache/pip"
ARG UV_CACHE_DIR="/root/.cache/uv"

# [Build]
RUN --mount=type=cache,sharing=locked,target=/root/.cache/pip --mount=type=cache,sharing=locked,target=/root/.cache/uv --mount=type=cache,sharing=locked,target=/root/.cache/pypoetry/cache \
    python3 -m py_compile server.py

# The image of the application: of what was built, only /app is in it.
FROM images.example/python311:3.11.14 AS packaging-stage
COPY --from=build-stage /app /app
WORKDIR /app/services/api

# The application listens on PORT.
ENV PORT=8080
EXPOSE 8080
ENTRYPOINT []
CMD ["python3", "server.py"]
