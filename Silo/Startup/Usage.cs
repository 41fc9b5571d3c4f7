namespace FaceSearch.Silo.Startup;

/// <summary><c>--help</c>.</summary>
internal static class Usage
{
    public static bool Asked(string[] args) => args.Any(a => a is "--help" or "-h" or "-?" or "help");

    public static int Print()
    {
        Console.WriteLine("""
            FaceSearch: the whole server in one process, or one process of a cluster.

              dotnet run -c Release --project Silo [-- options]
              dotnet run -c Release --project Silo -- database apply|status --Storage:ConnectionString=...
              dotnet run -c Release --project Silo -- backup --to=FOLDER | restore --from=FOLDER | verify-backup --from=FOLDER   (docs/backup.md)

            Options (also as environment variables: Silo__DataFolder=..., or in appsettings.json):
              --Silo:Role=All|Silo|Gateway   everything; data without the HTTP API; the HTTP API without data  (All)
              --Silo:DataFolder=PATH     where everything is kept            (facesearch-data)
              --Silo:ModelsFolder=PATH   where the models are                (FACESEARCH_MODELS, else DataFolder/models)
              --Silo:Embedder=NAME       which embedder to load              (the best installed)
              --Silo:Provider=Cpu|Cuda   execution provider; a missing CUDA stops the start
              --Silo:Hardware=Detected|Cpu|Gpu   faces are embedded on GPU silos where there are any
              --Silo:MemoryGiB=N         this silo's share of the shards     (the memory it may use)
              --Silo:DrainDelay=0:00:03  serves on after "not ready" when it stops (3 s in a cluster)
              --Silo:RetentionKeyFile=PATH  key of retained images            (DataFolder/crops/master.key; Azure: none)
              --Storage:Provider=Embedded|Postgres|Azure                     (Embedded: SQLite and files in the data folder)
              --Storage:ConnectionString=...  Host=...;Database=...;Username=...;Password=... (better: Storage__ConnectionString)
                                              Azure: DefaultEndpointsProtocol=https;AccountName=...;AccountKey=...
              --Storage:BlobEndpoint=URL, --Storage:TableEndpoint=URL   Azure by managed identity (docs/azure.md)
              --Storage:CacheFolder=PATH      this silo's copies of snapshots    (DataFolder/cache)
              --Cluster:Provider=Localhost|Postgres|Azure|Redis              (Localhost: one silo; docs/cluster.md)
              --Cluster:ConnectionString=...  membership table               (the storage's)
              --Cluster:ClusterId, ServiceId, AdvertisedAddress, SiloPort, GatewayPort
              --Messaging:Transport=InMemory|RabbitMq                        (docs/messages.md)
              --Silo:LogFormat=simple|json, --Silo:Dashboard=true            (docs/telemetry.md)
              --urls=http://HOST:PORT    where HTTP is served                (http://127.0.0.1:8080; a silo alone 8081)
              --Backup:Folder=PATH, --Backup:KeyFile=PATH   backups of the running server (DataFolder-backups; docs/backup.md)
              --Gateway:...              limits of the HTTP API              (docs/operations.md)
              --Shards:..., --Embedder:...                                   (docs/operations.md)
              FACESEARCH_ADMIN_KEY       an admin key to make sure of; needed (or any admin key) beyond loopback

            Examples:
              FACESEARCH_MODELS=~/models dotnet run -c Release --project Silo
              dotnet run -c Release --project Silo -- --urls=http://127.0.0.1:9090 --Silo:DataFolder=/var/lib/facesearch
            """);
        return 0;
    }
}
