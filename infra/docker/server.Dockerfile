# syntax=docker/dockerfile:1
# Silo and gateway: one image, told apart by Silo__Role. Build from the repository's root:
#   docker build -f infra/docker/server.Dockerfile -t facesearch/server .
# For CUDA: --build-arg ONNXRUNTIME=Gpu --build-arg RUNTIME=<an Ubuntu 24.04 image with CUDA, cuDNN and the ASP.NET Core 10 runtime>.
ARG RUNTIME=mcr.microsoft.com/dotnet/aspnet:10.0-noble

FROM mcr.microsoft.com/dotnet/sdk:10.0-noble AS build
ARG ONNXRUNTIME=Cpu
ENV DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
WORKDIR /src
# Restored in a layer of its own, which lasts until a project or a version changes. Versions are pinned in Directory.Packages.props; the
# repository keeps no lock files, so packages of packages are resolved at the build.
COPY global.json Directory.Build.props Directory.Packages.props ./
COPY Contracts/Contracts.csproj Contracts/
COPY VectorIndex/VectorIndex.csproj VectorIndex/
COPY Vision/Vision.csproj Vision/
COPY Evaluation/Evaluation.csproj Evaluation/
COPY Storage/Storage.csproj Storage/
COPY Grains/Grains.csproj Grains/
COPY Gateway/Gateway.csproj Gateway/
COPY Silo/Silo.csproj Silo/
RUN dotnet restore Silo/Silo.csproj -p:OnnxRuntime=$ONNXRUNTIME
COPY . .
RUN dotnet publish Silo/Silo.csproj -c Release --no-restore -p:OnnxRuntime=$ONNXRUNTIME -o /app

FROM $RUNTIME
COPY --chmod=555 infra/docker/entrypoint.sh infra/docker/health.sh /usr/local/bin/
COPY --from=build /app /app
# Volumes take over the owner of the folder they are mounted on.
RUN mkdir -p /data /models && chown "$APP_UID:$APP_UID" /data /models
WORKDIR /data
USER $APP_UID
ENV ASPNETCORE_HTTP_PORTS= \
    ASPNETCORE_URLS=http://+:8080 \
    DOTNET_EnableDiagnostics=0 \
    Silo__DataFolder=/data \
    FACESEARCH_MODELS=/models
# 8080: HTTP. 11111: other silos. 30000: gateways and training workers. Writes go to /data, /models and /tmp alone.
EXPOSE 8080 11111 30000
VOLUME ["/data", "/models"]
HEALTHCHECK --interval=10s --timeout=6s --start-period=120s --retries=6 CMD ["health.sh", "/health/live"]
ENTRYPOINT ["entrypoint.sh", "dotnet", "/app/FaceSearch.Silo.dll"]
