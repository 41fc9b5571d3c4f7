namespace FaceSearch.Tests.Servers;

/// <summary>For tests.</summary>
internal sealed partial class PostgresServer
{
    /// <summary>Starts a server in a temp folder; skips the test with a reason where there are no binaries.</summary>
    public static Task<PostgresServer> StartAsync()
    {
        Assert.SkipWhen(Missing is not null, Missing ?? "");
        return StartAsync(MakeFolder());
    }

    /// <summary>In memory where there is room: no test cuts the power, and what a killed process wrote is there in either place.</summary>
    private static string MakeFolder()
    {
        const string memory = "/dev/shm";
        return Directory.Exists(memory) && new DriveInfo(memory).AvailableFreeSpace > 2L << 30
            ? Directory.CreateDirectory($"{memory}/facesearch-postgres-{Guid.NewGuid():n}").FullName
            : Directory.CreateTempSubdirectory("facesearch-postgres-").FullName;
    }
}
