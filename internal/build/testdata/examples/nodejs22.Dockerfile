# syntax=docker/dockerfile:1
# nodejs22 22.21.1, built as Slipway builds it. Build it in the root of the repository.

# The whole repository, in the image with compilers and package managers.
FROM images.example/nodejs22-build:22.21.1 AS pre-build-stage
COPY . /app

# The build itself.
FROM pre-build-stage AS build-stage
SHELL ["/bin/sh", "-e", "-c"]
WORKDIR /app

# [Build]
RUN --mount=type=cache,sharing=locked,target=/root/.npm \
    npm ci --omit=dev

# The image of the application: of what was built, only /app is in it.
FROM images.example/nodejs22:22.21.1 AS packaging-stage
COPY --from=build-stage /app /app
WORKDIR /app

# The application listens on PORT.
ENV PORT=3000
EXPOSE 3000
ENTRYPOINT []
CMD ["node", "server.js"]
