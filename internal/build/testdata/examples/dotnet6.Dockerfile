# syntax=docker/dockerfile:1
# dotnet6 6.0.36, built as Slipway builds it. Build it in the root of the repository.

# The whole repository, in the image with compilers and package managers.
FROM images.example/dotnet6-build:6.0.36 AS pre-build-stage
COPY . /app

# The build itself.
FROM pre-build-stage AS build-stage
SHELL ["/bin/sh", "-e", "-c"]
WORKDIR /app
ARG NUGET_PACKAGES="/root/.nuget/packages"

# [Build]
RUN --mount=type=cache,sharing=locked,target=/root/.nuget/packages \
    dotnet publish -c Release -o out

# The image of the application: of what was built, only /app is in it.
FROM images.example/dotnet6-build:6.0.36 AS packaging-stage
SHELL ["/bin/sh", "-e", "-c"]
COPY --from=build-stage /app /app
WORKDIR /app
ARG NUGET_PACKAGES="/root/.nuget/packages"

# [Build]
RUN --mount=type=cache,sharing=locked,target=/root/.nuget/packages \
    dotnet publish -c Release -o out

# The application listens on PORT.
ENV PORT=5000
EXPOSE 5000
ENTRYPOINT []
CMD ["dotnet", "out/Hello.dll"]
