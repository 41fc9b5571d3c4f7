using System.IO.Hashing;
using System.Text;
using FaceSearch.Storage.Crops;

namespace FaceSearch.Storage.Backup;

/// <summary>A row of a gallery's retained images, sealed as it lies: nothing here can be opened without the master key.</summary>
internal abstract record CropRow
{
    /// <summary>An identity's key; <paramref name="Key"/> is a number that only rows of the same copy share.</summary>
    public sealed record Person(long Key, byte[] Name, byte[] Wrapped) : CropRow;

    /// <summary>A template's key; not live: the template was erased, and no image of it may be stored again.</summary>
    public sealed record TemplateKey(long Template, long Owner, bool Live, byte[] Wrapped) : CropRow;

    public sealed record Image(long Template, ImageKind Kind, byte[] Body) : CropRow;
}

/// <summary>Copies retained images out of and into a store: people first, then keys, then images.</summary>
internal interface ICropArchive
{
    /// <summary>Galleries that have any.</summary>
    Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken);

    /// <summary>
    /// All rows of one gallery, page by page; nobody waits for it, so that a row may be of a later moment than those before it. A key whose
    /// identity was not given out belongs to one that came later (<see cref="CropRowCopy.Coherent"/>).
    /// </summary>
    IAsyncEnumerable<CropRow> ExportAsync(string gallery, CancellationToken cancellationToken);

    /// <summary>Writes rows into a gallery that has none.</summary>
    Task ImportAsync(string gallery, IAsyncEnumerable<CropRow> rows, CancellationToken cancellationToken);
}

/// <summary>Counts and an order-free digest (a wrapping sum of XxHash3 over the rows) of a gallery's retained images.</summary>
internal sealed class CropTally
{
    private readonly XxHash3 _hash = new();

    public long People { get; private set; }

    public long Keys { get; private set; }

    public long Images { get; private set; }

    public ulong Digest { get; private set; }

    public CropRow Add(CropRow row)
    {
        switch (row)
        {
            case CropRow.Person p:
                People++;
                Sum(1, 0, p.Name, p.Wrapped);
                break;
            case CropRow.TemplateKey k:
                Keys++;
                Sum(k.Live ? 2 : 3, k.Template, [], k.Live ? k.Wrapped : []);
                break;
            case CropRow.Image i:
                Images++;
                Sum(4 + (int)i.Kind, i.Template, [], i.Body);
                break;
        }
        return row;
    }

    private void Sum(int kind, long number, ReadOnlySpan<byte> name, ReadOnlySpan<byte> bytes)
    {
        _hash.Append(BitConverter.GetBytes((long)kind));
        _hash.Append(BitConverter.GetBytes(number));
        _hash.Append(name);
        _hash.Append(bytes);
        Digest += _hash.GetCurrentHashAsUInt64();
        _hash.Reset();
    }
}

/// <summary>Rows of retained images as bytes: <c>kind u8 | values</c>, and <c>0xFF</c> at the end.</summary>
internal static class CropRowCodec
{
    private const byte Person = 1, TemplateKey = 2, Image = 3, End = 0xFF;
    private const int MaxBlob = 1 << 28;

    public static void Write(BinaryWriter w, CropRow row)
    {
        switch (row)
        {
            case CropRow.Person p:
                w.Write(Person);
                w.Write(p.Key);
                Blob(w, p.Name);
                Blob(w, p.Wrapped);
                break;
            case CropRow.TemplateKey k:
                w.Write(TemplateKey);
                w.Write(k.Template);
                w.Write(k.Owner);
                w.Write(k.Live);
                Blob(w, k.Live ? k.Wrapped : []);
                break;
            case CropRow.Image i:
                w.Write(Image);
                w.Write(i.Template);
                w.Write((byte)i.Kind);
                Blob(w, i.Body);
                break;
        }
    }

    public static void WriteEnd(BinaryWriter w) => w.Write(End);

    /// <summary>The next row; null at the end.</summary>
    public static CropRow? Read(BinaryReader r) => r.ReadByte() switch
    {
        Person => new CropRow.Person(r.ReadInt64(), Blob(r), Blob(r)),
        TemplateKey => new CropRow.TemplateKey(r.ReadInt64(), r.ReadInt64(), r.ReadBoolean(), Blob(r)),
        Image => new CropRow.Image(r.ReadInt64(), (ImageKind)r.ReadByte(), Blob(r)),
        End => null,
        _ => throw new InvalidDataException("a row is of no known kind"),
    };

    private static void Blob(BinaryWriter w, byte[] bytes)
    {
        w.Write(bytes.Length);
        w.Write(bytes);
    }

    private static byte[] Blob(BinaryReader r)
    {
        int length = r.ReadInt32();
        byte[] bytes = length is >= 0 and <= MaxBlob ? r.ReadBytes(length) : throw new InvalidDataException("a blob has an impossible length");
        return bytes.Length == length ? bytes : throw new EndOfStreamException();
    }
}

/// <summary>Copies rows between an archive and a gallery's tables.</summary>
internal static class CropRowCopy
{
    private const int RowsPerTransaction = 256;

    /// <summary>Leaves out what hangs in the air: keys of identities, and images of keys, that were not there when those were read.</summary>
    public static async IAsyncEnumerable<CropRow> Coherent(IAsyncEnumerable<CropRow> rows)
    {
        HashSet<long> people = [], live = [];
        await foreach (CropRow row in rows.ConfigureAwait(false))
        {
            bool kept = row switch
            {
                CropRow.Person p => people.Add(p.Key),
                CropRow.TemplateKey { Live: true } k => people.Contains(k.Owner) && live.Add(k.Template),
                CropRow.Image i => live.Contains(i.Template),
                _ => true,
            };
            if (kept)
                yield return row;
        }
    }

    public static async Task WriteAsync(ICropTables tables, IAsyncEnumerable<CropRow> rows, CancellationToken cancellationToken)
    {
        Dictionary<long, long> people = [];
        await foreach (CropRow[] some in rows.Chunk(RowsPerTransaction).WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            tables.Begin();
            foreach (CropRow row in some)
                Put(tables, row, people);
            tables.Commit();
        }
        tables.Checkpoint();
    }

    private static void Put(ICropTables tables, CropRow row, Dictionary<long, long> people)
    {
        switch (row)
        {
            case CropRow.Person p:
                people.Add(p.Key, tables.PutPerson(p.Name, p.Wrapped));
                break;
            case CropRow.TemplateKey { Live: true } k:
                tables.PutKey(k.Template, people.TryGetValue(k.Owner, out long person) ? person
                    : throw new InvalidDataException("a template's key belongs to nobody"), k.Wrapped);
                break;
            case CropRow.TemplateKey k:
                tables.PutKey(k.Template, 0, new byte[CropCipher.WrappedLength]);
                tables.EndKey(k.Template);
                break;
            case CropRow.Image i:
                tables.PutImage(i.Template, i.Kind, i.Body);
                break;
        }
    }
}
