# syntax=docker/dockerfile:1
# python311 3.11.14, built as Slipway builds it. Build it in the root of the repository.

# The whole repository, in the image with compilers and package managers.
FROM images.example/python311-build:3.11.14 AS pre-build-stage
COPY . /app

# The build itself.
FROM pre-build-stage AS build-stage

# The image of the application: of what was built, only /app is in it.
FROM images.example/python311:3.11.14 AS packaging-stage
SHELL ["/bin/sh", "-e", "-c"]
COPY --from=build-stage /app /app
WORKDIR /app
ARG PIP_CACHE_DIR="/root/.cache/pip"

# [PreRun]
RUN --mount=type=cache,sharing=locked,target=/root/.cache/pip \
    pip3 install -r requirements.txt

# The application listens on PORT.
ENV PORT=8080
EXPOSE 8080
ENTRYPOINT []
CMD ["gunicorn", "app:app", "--bind", "0.0.0.0:8080"]
