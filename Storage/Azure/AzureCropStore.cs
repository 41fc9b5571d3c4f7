using System.Globalization;
using System.Security.Cryptography;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using FaceSearch.Storage.Crops;

namespace FaceSearch.Storage.Azure;

/// <summary>
/// Retained images as blobs, sealed as everywhere (<see cref="CropCipher"/>):
/// <code>
/// GALLERY/people/NAME              a person's key, wrapped by the master key; NAME is an HMAC
/// GALLERY/members/NAME/TEMPLATE    empty: the person has this template
/// GALLERY/keys/TEMPLATE            the template's key, wrapped by the person's; without it once the template was erased, for good
/// GALLERY/images/TEMPLATE-KIND     a sealed image
/// </code>
/// The master key is a file that every silo gets from outside the account and that is never made here.
/// </summary>
public sealed partial class AzureCropStore : ICropStore
{
    private const int Parallel = 8;
    private const string Touched = "touched";
    private readonly AzureAccount _account;
    private readonly MasterKey? _master;
    private readonly SemaphoreSlim _first = new(1);
    private bool _ready;

    public AzureCropStore(AzureStorageOptions options)
    {
        _account = new AzureAccount(options);
        _master = options.MasterKeyFile is { } file ? new MasterKey(file) : null;
    }

    private BlobContainerClient Container => _account.Blobs.GetBlobContainerClient(_account.Options.CropContainer);

    public async ValueTask PutAsync(string gallery, string identity, IReadOnlyList<RetainedImage> images, CancellationToken cancellationToken = default) => await AskAsync(async () =>
    {
        await PrepareAsync(cancellationToken).ConfigureAwait(false);
        byte[] name = CropCipher.NameOf(Master, gallery, identity);
        foreach (IGrouping<long, RetainedImage> template in images.GroupBy(i => i.Template.Value))
        {
            if (await KeyForAsync(gallery, name, template.Key, cancellationToken).ConfigureAwait(false) is not { } key)
                continue; // It was erased: nothing brings it back.
            foreach (RetainedImage image in template)
                await CreateAsync(Image(gallery, template.Key, image.Kind), CropCipher.Seal(key, image.Bytes, CropCipher.OfImage(gallery, template.Key, image.Kind)), cancellationToken).ConfigureAwait(false);
            CryptographicOperations.ZeroMemory(key);
            // An erasure that ran meanwhile has ended the key; its images go too.
            if (await ReadAsync(Key(gallery, template.Key), cancellationToken).ConfigureAwait(false) is { } now && TemplateKey.Decode(now.Bytes) is null)
                await DropImagesAsync(gallery, template.Key, cancellationToken).ConfigureAwait(false);
        }
        return true;
    }).ConfigureAwait(false);

    public ValueTask<RetainedImages> ReadAsync(string gallery, IReadOnlyList<TemplateId> templates, ImageKind kind, CancellationToken cancellationToken = default) => AskAsync(async () =>
    {
        (byte[]? Bytes, bool Damaged)[] found = await EachAsync(templates, t => OpenAsync(gallery, t.Value, kind, cancellationToken), cancellationToken).ConfigureAwait(false);
        return new RetainedImages([.. templates.Zip(found).Where(f => f.Second.Bytes is not null).Select(f => new RetainedImage(f.First, kind, f.Second.Bytes!))],
            [.. templates.Zip(found).Where(f => f.Second.Damaged).Select(f => f.First)]);
    });

    public ValueTask<IReadOnlyList<TemplateId>> HavingAsync(string gallery, IReadOnlyList<TemplateId> templates, ImageKind kind, CancellationToken cancellationToken = default) => AskAsync<IReadOnlyList<TemplateId>>(async () =>
    {
        bool[] has = await EachAsync(templates, async t => (await Container.GetBlobClient(Image(gallery, t.Value, kind)).ExistsAsync(cancellationToken).ConfigureAwait(false)).Value, cancellationToken).ConfigureAwait(false);
        return [.. templates.Zip(has).Where(h => h.Second).Select(h => h.First)];
    });

    public ValueTask<int> EraseAsync(string gallery, IReadOnlyList<TemplateId> templates, CancellationToken cancellationToken = default) => AskAsync(async () =>
    {
        int erased = 0;
        foreach (TemplateId template in templates)
            erased += await EraseAsync(gallery, template.Value, cancellationToken).ConfigureAwait(false);
        return erased;
    });

    public async ValueTask DeleteGalleryAsync(string gallery, CancellationToken cancellationToken = default) => await AskAsync(async () =>
    {
        string prefix = $"{AzureTemplateLogProvider.Checked(gallery)}/";
        if (!await Container.ExistsAsync(cancellationToken).ConfigureAwait(false))
            return false;
        // Keys first: whatever is left when this is cut short is unreadable.
        foreach (string part in (string[])["people/", "keys/", "members/", "images/"])
        {
            string[] names = [.. await LogParts.ListAsync(Container, prefix + part, cancellationToken).ConfigureAwait(false)];
            await EachAsync(names, async name =>
            {
                await LogParts.DeleteBlobAsync(Container, name, cancellationToken).ConfigureAwait(false);
                return true;
            }, cancellationToken).ConfigureAwait(false);
        }
        return true;
    }).ConfigureAwait(false);

    private ReadOnlySpan<byte> Master => _master is null || !File.Exists(_account.Options.MasterKeyFile)
        ? throw new StorageUnavailableException($"Retained images need a master key: {nameof(AzureStorageOptions.MasterKeyFile)} must name an existing file of {CropCipher.KeyLength} bytes, the same for every silo.", new FileNotFoundException("The master key file is missing."))
        : _master.Value;

    /// <summary>The key of a template, made at need; null if the template was erased.</summary>
    private async Task<byte[]?> KeyForAsync(string gallery, byte[] name, long template, CancellationToken cancellationToken)
    {
        byte[] bound = CropCipher.OfTemplate(gallery, template);
        while (true)
        {
            if (await ReadAsync(Key(gallery, template), cancellationToken).ConfigureAwait(false) is { } stored && TemplateKey.Decode(stored.Bytes) is null)
                return null;
            await CreateAsync(Member(gallery, name, template), [], cancellationToken).ConfigureAwait(false);
            byte[] person = await PersonKeyAsync(gallery, name, cancellationToken).ConfigureAwait(false);
            byte[] key = CropCipher.NewKey();
            TemplateKey made = new(template, name, CropCipher.Seal(person, key, bound));
            if (await CreateAsync(Key(gallery, template), made.Encode(), cancellationToken).ConfigureAwait(false))
                return key;
            if (await ReadAsync(Key(gallery, template), cancellationToken).ConfigureAwait(false) is { } other && TemplateKey.Decode(other.Bytes) is { } known)
                return CropCipher.TryOpen(person, known.Wrapped, bound) ?? throw new CropStoreDamagedException("a template's key does not open");
        }
    }

    /// <summary>
    /// The key of a person, made at need. The blob is touched, so that an erasure that has not seen the new member yet cannot delete
    /// it: it deletes only what it had read before it counted the members.
    /// </summary>
    private async Task<byte[]> PersonKeyAsync(string gallery, byte[] name, CancellationToken cancellationToken)
    {
        string blob = Person(gallery, name);
        while (true)
        {
            if (await ReadAsync(blob, cancellationToken).ConfigureAwait(false) is { } known)
            {
                try
                {
                    await Container.GetBlobClient(blob).SetMetadataAsync(new Dictionary<string, string> { [Touched] = LogManifest.Draw() }, new BlobRequestConditions { IfMatch = known.ETag }, cancellationToken).ConfigureAwait(false);
                    return CropCipher.TryOpen(Master, known.Bytes, name) ?? throw new CropStoreDamagedException("an identity's key does not open: is the master key the right one?");
                }
                catch (RequestFailedException e) when (AzureErrors.IsConflict(e) || AzureErrors.IsNotFound(e))
                {
                    continue;
                }
            }
            byte[] key = CropCipher.NewKey();
            if (await CreateAsync(blob, CropCipher.Seal(Master, key, name), cancellationToken).ConfigureAwait(false))
                return key;
        }
    }

    private async Task<int> EraseAsync(string gallery, long template, CancellationToken cancellationToken)
    {
        string key = Key(gallery, template);
        if (await ReadAsync(key, cancellationToken).ConfigureAwait(false) is not { } stored)
            return 0;
        TemplateKey? live = TemplateKey.Decode(stored.Bytes);
        if (live is not null)
            await Container.GetBlobClient(key).UploadAsync(new BinaryData(TemplateKey.Ended(template, live.Person)), overwrite: true, cancellationToken).ConfigureAwait(false);
        int dropped = await DropImagesAsync(gallery, template, cancellationToken).ConfigureAwait(false);
        byte[] name = live?.Person ?? TemplateKey.PersonOf(stored.Bytes);
        await LogParts.DeleteBlobAsync(Container, Member(gallery, name, template), cancellationToken).ConfigureAwait(false);
        await EndPersonAsync(gallery, name, cancellationToken).ConfigureAwait(false);
        return dropped;
    }

    /// <summary>Destroys the key of a person without members.</summary>
    private async Task EndPersonAsync(string gallery, byte[] name, CancellationToken cancellationToken)
    {
        string blob = Person(gallery, name);
        while (await ReadAsync(blob, cancellationToken).ConfigureAwait(false) is { } person)
        {
            if ((await LogParts.ListAsync(Container, Members(gallery, name), cancellationToken).ConfigureAwait(false)).Count > 0)
                return;
            try
            {
                await Container.GetBlobClient(blob).DeleteAsync(DeleteSnapshotsOption.IncludeSnapshots, new BlobRequestConditions { IfMatch = person.ETag }, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (RequestFailedException e) when (AzureErrors.IsConflict(e) || AzureErrors.IsNotFound(e))
            {
                // Touched: count again.
            }
        }
    }

    private async Task<int> DropImagesAsync(string gallery, long template, CancellationToken cancellationToken)
    {
        int dropped = 0;
        foreach (ImageKind kind in Enum.GetValues<ImageKind>())
            dropped += await Container.GetBlobClient(Image(gallery, template, kind)).DeleteIfExistsAsync(DeleteSnapshotsOption.IncludeSnapshots, cancellationToken: cancellationToken).ConfigureAwait(false) ? 1 : 0;
        return dropped;
    }

    private async Task<(byte[]? Bytes, bool Damaged)> OpenAsync(string gallery, long template, ImageKind kind, CancellationToken cancellationToken)
    {
        if (await ReadAsync(Image(gallery, template, kind), cancellationToken).ConfigureAwait(false) is not { } image
            || await ReadAsync(Key(gallery, template), cancellationToken).ConfigureAwait(false) is not { } stored || TemplateKey.Decode(stored.Bytes) is not { } key
            || await ReadAsync(Person(gallery, key.Person), cancellationToken).ConfigureAwait(false) is not { } wrapped)
            return (null, false);
        byte[]? person = CropCipher.TryOpen(Master, wrapped.Bytes, key.Person);
        byte[]? opened = person is null ? null : CropCipher.TryOpen(person, key.Wrapped, CropCipher.OfTemplate(gallery, template));
        byte[]? bytes = opened is null ? null : CropCipher.TryOpen(opened, image.Bytes, CropCipher.OfImage(gallery, template, kind));
        return (bytes, bytes is null);
    }

    private async Task<(byte[] Bytes, ETag ETag)?> ReadAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            BlobDownloadResult read = await Container.GetBlobClient(name).DownloadContentAsync(cancellationToken).ConfigureAwait(false);
            return (read.Content.ToArray(), read.Details.ETag);
        }
        catch (RequestFailedException e) when (AzureErrors.IsNotFound(e))
        {
            return null;
        }
    }

    /// <summary>
    /// Writes a blob that is not there yet; false if it is. After an attempt without an answer the SDK's next one can meet the blob of
    /// the first: then what is stored is compared.
    /// </summary>
    private async Task<bool> CreateAsync(string name, byte[] content, CancellationToken cancellationToken)
    {
        try
        {
            await Container.GetBlobClient(name).UploadAsync(new BinaryData(content), new BlobUploadOptions { Conditions = new() { IfNoneMatch = ETag.All } }, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (RequestFailedException e) when (AzureErrors.IsConflict(e))
        {
            return content.Length > 0 && await ReadAsync(name, cancellationToken).ConfigureAwait(false) is { } stored && stored.Bytes.AsSpan().SequenceEqual(content);
        }
    }

    private async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await _first.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (!_ready)
                await _account.EnsureContainerAsync(_account.Options.CropContainer, cancellationToken).ConfigureAwait(false);
            _ready = true;
        }
        finally
        {
            _first.Release();
        }
    }

    private static async Task<TOut[]> EachAsync<TIn, TOut>(IReadOnlyList<TIn> items, Func<TIn, Task<TOut>> run, CancellationToken cancellationToken)
    {
        TOut[] results = new TOut[items.Count];
        await System.Threading.Tasks.Parallel.ForAsync(0, items.Count, new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancellationToken },
            async (i, _) => results[i] = await run(items[i]).ConfigureAwait(false)).ConfigureAwait(false);
        return results;
    }

    private static string Person(string gallery, byte[] name) => $"{AzureTemplateLogProvider.Checked(gallery)}/people/{Convert.ToHexStringLower(name)}";

    private static string Members(string gallery, byte[] name) => $"{AzureTemplateLogProvider.Checked(gallery)}/members/{Convert.ToHexStringLower(name)}/";

    private static string Member(string gallery, byte[] name, long template) => Members(gallery, name) + Id(template);

    private static string Key(string gallery, long template) => $"{AzureTemplateLogProvider.Checked(gallery)}/keys/{Id(template)}";

    private static string Image(string gallery, long template, ImageKind kind) =>
        $"{AzureTemplateLogProvider.Checked(gallery)}/images/{Id(template)}-{kind.ToString().ToLowerInvariant()}";

    private static string Id(long template) => template.ToString("x16", CultureInfo.InvariantCulture);

    private static async ValueTask<T> AskAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (Exception e) when (e is RequestFailedException or AggregateException && AzureErrors.IsService(e))
        {
            throw AzureErrors.Unavailable("The retained images", e);
        }
    }
}
