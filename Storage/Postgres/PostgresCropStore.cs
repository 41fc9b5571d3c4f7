using FaceSearch.Storage.Crops;

namespace FaceSearch.Storage.Postgres;

/// <summary>
/// Retained images in a database, sealed as everywhere (<see cref="CropVault"/>). The master key does not lie in the database; all silos
/// need the same one.
/// </summary>
/// <param name="database">Where.</param>
/// <param name="masterKeyFile">The file of the master key; made at first need.</param>
public sealed class PostgresCropStore(PostgresDatabase database, string masterKeyFile) : CropStore(masterKeyFile)
{
    /// <summary>Asked anew each time: another silo may have made or deleted them.</summary>
    private protected override async ValueTask<bool> ExistsAsync(string gallery, bool known, CancellationToken cancellationToken) =>
        await PostgresCropTables.ExistsAsync(database, gallery, cancellationToken).ConfigureAwait(false);

    private protected override Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken) => PostgresCropTables.ListAsync(database, cancellationToken);

    private protected override ICropTables Open(string gallery) => PostgresCropTables.Open(database, gallery);

    private protected override ICropTables OpenToRead(string gallery) => PostgresCropTables.Open(database, gallery, toRead: true);

    private protected override Task DropAsync(string gallery, CancellationToken cancellationToken) => PostgresCropTables.DeleteAsync(database, gallery, cancellationToken);
}
