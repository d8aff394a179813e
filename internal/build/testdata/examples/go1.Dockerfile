# syntax=docker/dockerfile:1
# go1 1.26.8, built as Slipway builds it. Build it in the root of the repository.

# The whole repository, in the image with compilers and package managers.
FROM images.example/go1-build:1.26.8 AS pre-build-stage
COPY . /app

# The build itself.
FROM pre-build-stage AS build-stage
SHELL ["/bin/sh", "-e", "-c"]
WORKDIR /app
ARG CGO_ENABLED="0"
ARG GOCACHE="/root/.cache/go-build"
ARG GOMODCACHE="/root/go/pkg/mod"

# [Build]
RUN --mount=type=cache,sharing=locked,target=/root/.cache/go-build --mount=type=cache,sharing=locked,target=/root/go/pkg/mod \
    go build -o server .

# Runs beside, and has to succeed; nothing of it is in the image.
FROM build-stage AS post-build-stage
SHELL ["/bin/sh", "-e", "-c"]
WORKDIR /app
ARG CGO_ENABLED="0"
ARG GOCACHE="/root/.cache/go-build"
ARG GOMODCACHE="/root/go/pkg/mod"

# [PostBuild]
RUN --mount=type=cache,sharing=locked,target=/root/.cache/go-build --mount=type=cache,sharing=locked,target=/root/go/pkg/mod \
    go vet ./...

# The image of the application: of what was built, only /app is in it.
FROM images.example/go1-build:1.26.8 AS packaging-stage
SHELL ["/bin/sh", "-e", "-c"]
COPY --from=build-stage /app /app
WORKDIR /app
ARG CGO_ENABLED="0"
ARG GOCACHE="/root/.cache/go-build"
ARG GOMODCACHE="/root/go/pkg/mod"
RUN --mount=type=bind,from=post-build-stage,target=/mnt true # builds post-build-stage first

# [Build]
RUN --mount=type=cache,sharing=locked,target=/root/.cache/go-build --mount=type=cache,sharing=locked,target=/root/go/pkg/mod \
    go build -o server .

# The application listens on PORT.
ENV PORT=8080
EXPOSE 8080
ENTRYPOINT []
CMD ["./server"]
