using System.Buffers.Binary;
using System.Text;

namespace FaceSearch.TrainingJob.Torch;

/// <summary>
/// Rewrites one undefined symbol in the bytes of a 64-bit little-endian ELF shared library. Only what the dynamic
/// loader reads is touched: .dynstr (the name), .gnu.version (which version the symbol wants) and .gnu.version_r
/// (which versions the library wants). Layouts: System V ABI, "Dynamic Section", and the LSB's "Symbol Versioning".
/// </summary>
internal sealed class ElfSymbols
{
    private const int DtStrTab = 5, DtSymTab = 6, DtVerNeed = 0x6ffffffe, DtVerNeedNum = 0x6fffffff, DtVerSym = 0x6ffffff0;
    private const int PtLoad = 1, PtDynamic = 2;
    private const int SymbolBytes = 24;

    /// <summary>VER_FLG_WEAK: the loader only warns where a weak version is missing.</summary>
    private const ushort WeakVersion = 2;

    private readonly byte[] _file;
    private readonly Dictionary<long, long> _dynamic = [];

    /// <exception cref="InvalidDataException">Not a 64-bit little-endian ELF file with a dynamic section.</exception>
    public ElfSymbols(byte[] file)
    {
        _file = file;
        if (file.Length < 64 || !file.AsSpan(0, 6).SequenceEqual("\u007fELF\u0002\u0001"u8))
            throw new InvalidDataException("Not a 64-bit little-endian ELF file.");
        (long at, long size) = Segments().Where(s => s.Type == PtDynamic).Select(s => (s.Offset, s.Size)).FirstOrDefault();
        if (size == 0)
            throw new InvalidDataException("The ELF file has no dynamic section.");
        for (long entry = at; entry < at + size && Int64(entry) != 0; entry += 16)
            _dynamic.TryAdd(Int64(entry), Int64(entry + 8));
    }

    /// <summary>
    /// Makes the library want <paramref name="replacement"/> (of version <paramref name="replacementVersion"/>, which
    /// it must want already) where it wanted <paramref name="symbol"/>, and no longer insist on
    /// <paramref name="version"/>.
    /// </summary>
    /// <exception cref="InvalidDataException">The library wants no such symbol or version, or the new name is longer.</exception>
    public void Redirect(string symbol, string version, string replacement, string replacementVersion)
    {
        long names = FileOffset(_dynamic[DtStrTab]);
        byte[] wanted = [.. Encoding.ASCII.GetBytes(symbol), 0], instead = Encoding.ASCII.GetBytes(replacement);
        if (instead.Length >= wanted.Length)
            throw new InvalidDataException($"'{replacement}' is longer than '{symbol}'.");
        int index = IndexOf(names, wanted);
        ushort versionIndex = Requirement(names, replacementVersion, weaken: false);
        Requirement(names, version, weaken: true);

        Span<byte> name = _file.AsSpan((int)(names + NameOffset(index)), wanted.Length);
        name.Clear();
        instead.CopyTo(name);
        BinaryPrimitives.WriteUInt16LittleEndian(_file.AsSpan((int)(FileOffset(_dynamic[DtVerSym]) + 2 * index)), versionIndex);
    }

    /// <summary>Number of the symbol of that name in .dynsym. The table's end is where .dynstr or .gnu.version begins.</summary>
    private int IndexOf(long names, ReadOnlySpan<byte> wanted)
    {
        long symbols = FileOffset(_dynamic[DtSymTab]), end = Math.Min(names, _file.Length);
        for (int i = 0; symbols + (i + 1) * SymbolBytes <= end; i++)
        {
            long at = names + NameOffset(i);
            if (at + wanted.Length <= _file.Length && _file.AsSpan((int)at, wanted.Length).SequenceEqual(wanted))
                return i;
        }
        throw new InvalidDataException("The ELF file does not want that symbol.");
    }

    private uint NameOffset(int symbol) => BinaryPrimitives.ReadUInt32LittleEndian(_file.AsSpan((int)(FileOffset(_dynamic[DtSymTab]) + (long)symbol * SymbolBytes)));

    /// <summary>Walks .gnu.version_r: a chain of libraries, each with a chain of 16-byte versions.</summary>
    /// <returns>The index by which .gnu.version refers to that version.</returns>
    private ushort Requirement(long names, string version, bool weaken)
    {
        byte[] wanted = [.. Encoding.ASCII.GetBytes(version), 0];
        long library = FileOffset(_dynamic[DtVerNeed]);
        for (long left = _dynamic[DtVerNeedNum]; left > 0; left--, library += Int32(library + 12))
        {
            long aux = library + Int32(library + 8);
            for (int versions = BinaryPrimitives.ReadUInt16LittleEndian(_file.AsSpan((int)library + 2)); versions > 0; versions--, aux += Int32(aux + 12))
            {
                if (!_file.AsSpan((int)(names + Int32(aux + 8)), wanted.Length).SequenceEqual(wanted))
                    continue;
                if (weaken)
                    BinaryPrimitives.WriteUInt16LittleEndian(_file.AsSpan((int)aux + 4), WeakVersion);
                return BinaryPrimitives.ReadUInt16LittleEndian(_file.AsSpan((int)aux + 6));
            }
        }
        throw new InvalidDataException($"The ELF file does not want version {version}.");
    }

    /// <summary>A virtual address of the dynamic section as a place in the file.</summary>
    private long FileOffset(long address)
    {
        foreach ((int type, long offset, long start, long size) in Segments())
        {
            if (type == PtLoad && address >= start && address < start + size)
                return offset + address - start;
        }
        throw new InvalidDataException("The ELF file's dynamic section points outside its segments.");
    }

    private IEnumerable<(int Type, long Offset, long Address, long Size)> Segments()
    {
        long table = Int64(32);
        int entry = BinaryPrimitives.ReadUInt16LittleEndian(_file.AsSpan(54)), count = BinaryPrimitives.ReadUInt16LittleEndian(_file.AsSpan(56));
        for (int i = 0; i < count; i++)
        {
            long at = table + (long)i * entry;
            yield return (Int32(at), Int64(at + 8), Int64(at + 16), Int64(at + 32));
        }
    }

    private int Int32(long at) => BinaryPrimitives.ReadInt32LittleEndian(_file.AsSpan((int)at));

    private long Int64(long at) => BinaryPrimitives.ReadInt64LittleEndian(_file.AsSpan((int)at));
}
