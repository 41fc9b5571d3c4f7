using System.Runtime.InteropServices;

namespace FaceSearch.VectorIndex.Snapshots;

/// <summary>
/// Constants of the snapshot format; docs/index-format.md is the specification.
/// <code>
/// | preamble, 4096 B | section | section | ... | metadata | footer, 64 B |
/// </code>
/// All numbers are little-endian. Every section is padded to 64 bytes and hashed in chunks of 1 MiB (XXH3, 64 bits); the metadata
/// holds the table of sections and all chunk hashes; the footer holds the place and hash of the metadata, and its own hash.
/// </summary>
internal static class SnapshotFormat
{
    public const uint Version = 1;
    public const int PreambleBytes = 4096;
    public const int FooterBytes = 64;
    public const int ChunkBytes = 1 << 20;
    public const int Alignment = 64;
    public const ulong PreambleMagic = 0x31584449_52435346; // "FSCRIDX1"
    public const ulong FooterMagic = 0x3146_4449_52435346; // "FSCRIDF1"

    public static long Pad(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    public static string NameOf(SectionKind kind, int level) => kind switch
    {
        SectionKind.Preamble => "preamble",
        SectionKind.Vectors => "vectors",
        SectionKind.Codes => "codes",
        SectionKind.Links => level == 0 ? "links" : $"layer {level} links",
        SectionKind.LayerSlots => $"layer {level} slots",
        SectionKind.LayerBelow => $"layer {level} below",
        SectionKind.Ids => "ids",
        SectionKind.States => "states",
        _ => "unknown",
    };
}

/// <summary>What a section holds.</summary>
internal enum SectionKind
{
    Preamble = 0,
    Vectors = 1,
    Codes = 2,
    Links = 3,
    LayerSlots = 4,
    LayerBelow = 5,
    Ids = 6,
    States = 7,
}

/// <summary>One row of the section table: 24 bytes.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal readonly record struct Section(int KindValue, int Level, long Offset, long Length)
{
    public SectionKind Kind => (SectionKind)KindValue;
    public string Name => SnapshotFormat.NameOf(Kind, Level);
    public long End => Offset + SnapshotFormat.Pad(Length);
    public int ChunkCount => (int)((SnapshotFormat.Pad(Length) + SnapshotFormat.ChunkBytes - 1) / SnapshotFormat.ChunkBytes);
}

/// <summary>The fixed part of the metadata: 96 bytes.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal record struct SnapshotHeader
{
    public int Dimension;
    public int Stride;
    public long Slots;
    public long Count;
    public float Step;
    public float MaxResidual;
    public int HasVectors;
    public int M;
    public int EntryLevel;
    public int EntryNode;
    public long LevelsDrawn;
    public int LayerCount;
    public int SectionCount;
    public long ChunkCount;
    public long Reserved0;
    public long Reserved1;
    public long Reserved2;
}
