using System.Globalization;
using System.Runtime.CompilerServices;
using Azure.Storage.Blobs.Models;
using FaceSearch.Storage.Backup;
using FaceSearch.Storage.Crops;

namespace FaceSearch.Storage.Azure;

public sealed partial class AzureCropStore : ICropArchive
{
    /// <summary>Blobs that are read, or written, together.</summary>
    private const int Page = 64;

    async Task<IReadOnlyList<string>> ICropArchive.ListAsync(CancellationToken cancellationToken) => await AskAsync<IReadOnlyList<string>>(async () =>
    {
        List<string> galleries = [];
        if (!await Container.ExistsAsync(cancellationToken).ConfigureAwait(false))
            return galleries;
        await foreach (BlobHierarchyItem item in Container.GetBlobsByHierarchyAsync(BlobTraits.None, BlobStates.None, "/", null, cancellationToken).ConfigureAwait(false))
        {
            if (item.IsPrefix)
                galleries.Add(AzureTemplateLogProvider.Unchecked(item.Prefix.TrimEnd('/')));
        }
        return galleries;
    }).ConfigureAwait(false);

    async IAsyncEnumerable<CropRow> ICropArchive.ExportAsync(string gallery, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string prefix = $"{AzureTemplateLogProvider.Checked(gallery)}/";
        Dictionary<string, DateTimeOffset?> people = await CreatedAsync($"{prefix}people/", cancellationToken).ConfigureAwait(false);
        Dictionary<string, long> numbers = [];
        await foreach ((string blob, byte[] wrapped) in ContentsAsync([.. people.Keys], cancellationToken).ConfigureAwait(false))
        {
            numbers[Last(blob)] = numbers.Count + 1;
            yield return new CropRow.Person(numbers.Count, Convert.FromHexString(Last(blob)), wrapped);
        }
        List<byte[]> keys = [];
        await foreach ((_, byte[] key) in ContentsAsync(await NamesAsync($"{prefix}keys/", cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false))
            keys.Add(key);
        // A person who was forgotten and came back has another key, under which the new templates' keys lie: they are of a later moment.
        Dictionary<string, DateTimeOffset?> now = await CreatedAsync($"{prefix}people/", cancellationToken).ConfigureAwait(false);
        foreach (string blob in people.Keys.Where(b => now.TryGetValue(b, out DateTimeOffset? made) && made != people[b]))
            numbers.Remove(Last(blob));
        foreach (byte[] key in keys)
        {
            if (TemplateKey.Decode(key) is not { } live)
                yield return new CropRow.TemplateKey(TemplateKey.TemplateOf(key), 0, Live: false, []);
            else if (numbers.TryGetValue(Convert.ToHexStringLower(live.Person), out long owner))
                yield return new CropRow.TemplateKey(live.Template, owner, Live: true, live.Wrapped);
        }
        await foreach ((string blob, byte[] body) in ContentsAsync(await NamesAsync($"{prefix}images/", cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false))
        {
            string[] name = Last(blob).Split('-');
            yield return new CropRow.Image(long.Parse(name[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture), Enum.Parse<ImageKind>(name[1], ignoreCase: true), body);
        }
    }

    Task ICropArchive.ImportAsync(string gallery, IAsyncEnumerable<CropRow> rows, CancellationToken cancellationToken) => AskAsync(async () =>
    {
        await PrepareAsync(cancellationToken).ConfigureAwait(false);
        Dictionary<long, byte[]> people = [];
        await foreach (CropRow[] page in rows.Chunk(Page).WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            foreach (CropRow.Person person in page.OfType<CropRow.Person>())
                people.Add(person.Key, person.Name);
            await EachAsync(page, async row =>
            {
                await PutAsync(gallery, row, people, cancellationToken).ConfigureAwait(false);
                return true;
            }, cancellationToken).ConfigureAwait(false);
        }
        return true;
    }).AsTask();

    private async Task PutAsync(string gallery, CropRow row, Dictionary<long, byte[]> people, CancellationToken cancellationToken)
    {
        (string blob, byte[] content) = row switch
        {
            CropRow.Person p => (Person(gallery, p.Name), p.Wrapped),
            CropRow.TemplateKey { Live: true } k => (Key(gallery, k.Template), new TemplateKey(k.Template, people.TryGetValue(k.Owner, out byte[]? person) ? person
                : throw new InvalidDataException("a template's key belongs to nobody"), k.Wrapped).Encode()),
            CropRow.TemplateKey k => (Key(gallery, k.Template), TemplateKey.Ended(k.Template, new byte[TemplateKey.NameLength])),
            CropRow.Image i => (Image(gallery, i.Template, i.Kind), i.Body),
            _ => throw new InvalidDataException("a row is of no known kind"),
        };
        if (row is CropRow.TemplateKey { Live: true } live)
            await CreateAsync(Member(gallery, people[live.Owner], live.Template), [], cancellationToken).ConfigureAwait(false);
        if (!await CreateAsync(blob, content, cancellationToken).ConfigureAwait(false))
            throw new BackupRefusedException($"The target holds images of gallery '{gallery}' already.");
    }

    /// <summary>Blobs and when each was made: a blob that was deleted and made again has another time.</summary>
    private ValueTask<Dictionary<string, DateTimeOffset?>> CreatedAsync(string prefix, CancellationToken cancellationToken) => AskAsync(async () =>
    {
        Dictionary<string, DateTimeOffset?> created = new(StringComparer.Ordinal);
        await foreach (BlobItem item in Container.GetBlobsAsync(BlobTraits.None, BlobStates.None, prefix, cancellationToken).ConfigureAwait(false))
            created[item.Name] = item.Properties.CreatedOn;
        return created;
    });

    private ValueTask<List<string>> NamesAsync(string prefix, CancellationToken cancellationToken) => AskAsync(() => LogParts.ListAsync(Container, prefix, cancellationToken));

    /// <summary>Contents of blobs; one that is gone is left out.</summary>
    private async IAsyncEnumerable<(string Name, byte[] Bytes)> ContentsAsync(IReadOnlyList<string> names, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (string[] page in names.Chunk(Page))
        {
            (byte[] Bytes, global::Azure.ETag ETag)?[] read = await AskAsync(() => EachAsync(page, name => ReadAsync(name, cancellationToken), cancellationToken)).ConfigureAwait(false);
            for (int i = 0; i < page.Length; i++)
            {
                if (read[i] is { } content)
                    yield return (page[i], content.Bytes);
            }
        }
    }

    private static string Last(string name) => name[(name.LastIndexOf('/') + 1)..];
}
