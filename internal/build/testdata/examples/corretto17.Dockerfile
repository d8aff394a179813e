# syntax=docker/dockerfile:1
# corretto17 17.0.17, built as Slipway builds it. Build it in the root of the repository.

# The whole repository, in the image with compilers and package managers.
FROM images.example/corretto17-build:17.0.17 AS pre-build-stage
COPY . /app

# The build itself.
FROM pre-build-stage AS build-stage
SHELL ["/bin/sh", "-e", "-c"]
WORKDIR /app

# [Build]
RUN --mount=type=cache,sharing=locked,target=/root/.m2/repository \
    mvn --batch-mode --no-transfer-progress clean package

# The image of the application: of what was built, only /app is in it.
FROM images.example/corretto17-build:17.0.17 AS packaging-stage
SHELL ["/bin/sh", "-e", "-c"]
COPY --from=build-stage /app /app
WORKDIR /app

# [Build]
RUN --mount=type=cache,sharing=locked,target=/root/.m2/repository \
    mvn --batch-mode --no-transfer-progress clean package

# The application listens on PORT.
ENV PORT=8080
EXPOSE 8080
ENTRYPOINT []
CMD ["java", "-XX:MaxRAMPercentage=75", "-cp", "target/hello.jar:target/dependency/*", "example.App"]
