namespace FaceSearch.Vision;

/// <summary>Crop bytes to a model's normalised NCHW planes, by one table of 256 floats a channel.</summary>
internal sealed class CropEncoder
{
    private readonly int _size;
    private readonly float[][] _tables;

    /// <summary>Plane of red, green and blue in the model's input.</summary>
    private readonly int[] _planes;

    public CropEncoder(ModelInput input)
    {
        _size = input.Width;
        _tables = [.. Enumerable.Range(0, 3).Select(c => Table(input, c))];
        _planes = input.Channels == ChannelOrder.Rgb ? [0, 1, 2] : [2, 1, 0];
    }

    /// <summary>Floats per crop: 3 x size x size.</summary>
    public int RowLength => 3 * _size * _size;

    /// <exception cref="ArgumentException">The crop has another size.</exception>
    public void Encode(AlignedFace crop, Span<float> row, bool mirror)
    {
        if (crop.Size != _size || crop.Rgb.Length != RowLength)
            throw new ArgumentException($"Expected a {_size}x{_size} RGB crop, got {crop.Size}x{crop.Size} with {crop.Rgb.Length} bytes.", nameof(crop));
        int plane = _size * _size;
        float[] red = _tables[0], green = _tables[1], blue = _tables[2];
        Span<float> r = row.Slice(_planes[0] * plane, plane), g = row.Slice(_planes[1] * plane, plane), b = row.Slice(_planes[2] * plane, plane);
        ReadOnlySpan<byte> rgb = crop.Rgb;
        for (int y = 0; y < _size; y++)
        {
            int to = mirror ? y * _size + _size - 1 : y * _size, step = mirror ? -1 : 1;
            ReadOnlySpan<byte> line = rgb.Slice(y * _size * 3, _size * 3);
            for (int at = 0; at < line.Length; at += 3, to += step)
            {
                r[to] = red[line[at]];
                g[to] = green[line[at + 1]];
                b[to] = blue[line[at + 2]];
            }
        }
    }

    private static float[] Table(ModelInput input, int channel)
    {
        float[] table = new float[256];
        for (int i = 0; i < table.Length; i++)
            table[i] = (i * input.Scale - input.Mean[channel]) / input.Std[channel];
        return table;
    }
}
