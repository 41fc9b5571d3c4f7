using System.Buffers.Binary;
using System.Text;
using FaceSearch.Grains.Shards;
using FaceSearch.Storage;

namespace FaceSearch.Grains;

/// <summary>
/// An aligned face as it is retained, with the name of the model it was aligned for. Nothing is lost to compression, so that embedding
/// it again gives what embedding it first gave.
/// <code>format u8 = 1 | side u16 little-endian | length u8, name in UTF-8 | side x side x 3 bytes, RGB, row by row</code>
/// </summary>
internal static class RetainedCrop
{
    private const byte Raw = 1;
    private const int Header = 4;

    public static byte[] Write(FaceCrop crop, string model)
    {
        byte[] name = Encoding.UTF8.GetBytes(model);
        byte[] bytes = new byte[Header + name.Length + crop.Rgb.Length];
        bytes[0] = Raw;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(1), checked((ushort)crop.Size));
        bytes[3] = checked((byte)name.Length);
        name.CopyTo(bytes, Header);
        crop.Rgb.CopyTo(bytes, Header + name.Length);
        return bytes;
    }

    /// <summary>Null if it is no such image.</summary>
    public static (FaceCrop Crop, string Model)? TryRead(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Header || bytes[0] != Raw)
            return null;
        int size = BinaryPrimitives.ReadUInt16LittleEndian(bytes[1..]), pixels = Header + bytes[3];
        return bytes.Length == pixels + (3 * size * size)
            ? (new FaceCrop(size, bytes[pixels..].ToArray()), Encoding.UTF8.GetString(bytes[Header..pixels]))
            : null;
    }

    /// <summary>What a gallery keeps of an enrolment's templates.</summary>
    public static ImageToRetain[] Of(IReadOnlyList<NewTemplate> templates, string model, Retention retention)
    {
        if (retention == Retention.None)
            return [];
        List<ImageToRetain> images = [];
        for (int i = 0; i < templates.Count; i++)
        {
            if (templates[i].Crop is { } crop)
                images.Add(new ImageToRetain(i, ImageKind.Crop, Write(crop, model)));
            if (retention == Retention.Original && templates[i].Original is { } original)
                images.Add(new ImageToRetain(i, ImageKind.Original, original));
        }
        return [.. images];
    }
}
