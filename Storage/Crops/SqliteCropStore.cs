using FaceSearch.Storage.Files;

namespace FaceSearch.Storage.Crops;

/// <summary>Retained images in SQLite files, one a gallery, under a data folder; one process at a time (<see cref="DataFolderLock"/>).</summary>
/// <param name="data">The folder.</param>
/// <param name="masterKeyFile">Where the master key is; null: <c>crops/master.key</c> in the folder.</param>
public sealed class SqliteCropStore(DataFolder data, string? masterKeyFile = null) : CropStore(masterKeyFile ?? Path.Combine(data.Crops, "master.key"))
{
    private protected override ValueTask<bool> ExistsAsync(string gallery, bool known, CancellationToken cancellationToken) =>
        new(known || Directory.Exists(data.GalleryCrops(gallery)));

    private protected override Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<string>>([.. data.GalleriesWithCrops()]);

    private protected override ICropTables Open(string gallery) => CropTables.Open(gallery, data.GalleryCrops(gallery));

    private protected override ICropTables OpenToRead(string gallery) => CropTables.Open(gallery, data.GalleryCrops(gallery), toRead: true);

    private protected override Task DropAsync(string gallery, CancellationToken cancellationToken) =>
        Task.Run(() => DurableFolder.Delete(data.GalleryCrops(gallery)), CancellationToken.None);
}
