# syntax=docker/dockerfile:1
# php81 8.1.33, built as Slipway builds it. Build it in the root of the repository.

# The whole repository, in the image with compilers and package managers.
FROM images.example/php81-build:8.1.33 AS pre-build-stage
COPY . /app

# The build itself.
FROM pre-build-stage AS build-stage
SHELL ["/bin/sh", "-e", "-c"]
WORKDIR /app
ARG COMPOSER_CACHE_DIR="/root/.cache/composer"

# [Build]
RUN --mount=type=cache,sharing=locked,target=/root/.cache/composer \
    php -l public/index.php

# The image of the application: of what was built, only /app is in it.
FROM images.example/php81-build:8.1.33 AS packaging-stage
SHELL ["/bin/sh", "-e", "-c"]
COPY --from=build-stage /app /app
WORKDIR /app
ARG COMPOSER_CACHE_DIR="/root/.cache/composer"

# [Build]
RUN --mount=type=cache,sharing=locked,target=/root/.cache/composer \
    php -l public/index.php

# The application listens on PORT.
ENV PORT=8080
EXPOSE 8080
ENTRYPOINT []
CMD ["php", "-S", "0.0.0.0:8080", "-t", "public"]
