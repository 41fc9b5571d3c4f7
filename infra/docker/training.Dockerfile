# syntax=docker/dockerfile:1
# The TrainingJob (on the processor; libtorch makes the image about 1 GB). Build from the repository's root:
#   docker build -f infra/docker/training.Dockerfile -t facesearch/training .
FROM mcr.microsoft.com/dotnet/sdk:10.0-noble AS build
ENV DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
WORKDIR /src
# As in server.Dockerfile: versions are pinned in Directory.Packages.props, there are no lock files.
COPY global.json Directory.Build.props Directory.Packages.props ./
COPY Contracts/Contracts.csproj Contracts/
COPY VectorIndex/VectorIndex.csproj VectorIndex/
COPY Vision/Vision.csproj Vision/
COPY Evaluation/Evaluation.csproj Evaluation/
COPY TrainingJob/TrainingJob.csproj TrainingJob/
RUN dotnet restore TrainingJob/TrainingJob.csproj
COPY . .
RUN dotnet publish TrainingJob/TrainingJob.csproj -c Release --no-restore -o /app

FROM mcr.microsoft.com/dotnet/runtime:10.0-noble
COPY --chmod=555 infra/docker/entrypoint.sh /usr/local/bin/
COPY --from=build /app /app
RUN mkdir -p /data && chown "$APP_UID:$APP_UID" /data
WORKDIR /data
USER $APP_UID
ENV DOTNET_EnableDiagnostics=0 FACESEARCH_MODELS=/data/models
VOLUME ["/data"]
# It serves nothing that could be asked. A worker that dies ends its container; one that hangs loses its lease, and another takes the run.
HEALTHCHECK NONE
ENTRYPOINT ["entrypoint.sh", "dotnet", "/app/FaceSearch.TrainingJob.dll"]
CMD ["work", "--runs", "/data/runs", "--models", "/data/models"]
