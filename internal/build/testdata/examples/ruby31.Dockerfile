# syntax=docker/dockerfile:1
# ruby31 3.1.7, built as Slipway builds it. Build it in the root of the repository.

# The whole repository, in the image with compilers and package managers.
FROM images.example/ruby31-build:3.1.7 AS pre-build-stage
COPY . /app

# The build itself.
FROM pre-build-stage AS build-stage
SHELL ["/bin/sh", "-e", "-c"]
WORKDIR /app
ARG BUNDLE_USER_CACHE="/root/.bundle/cache"

# [Build]
RUN --mount=type=cache,sharing=locked,target=/root/.bundle/cache \
    gem install --conservative webrick

# The image of the application: of what was built, only /app is in it.
FROM images.example/ruby31-build:3.1.7 AS packaging-stage
SHELL ["/bin/sh", "-e", "-c"]
COPY --from=build-stage /app /app
WORKDIR /app
ARG BUNDLE_USER_CACHE="/root/.bundle/cache"

# [Build]
RUN --mount=type=cache,sharing=locked,target=/root/.bundle/cache \
    gem install --conservative webrick

# The application listens on PORT.
ENV PORT=8080
EXPOSE 8080
ENTRYPOINT []
CMD ["ruby", "server.rb"]
