using NetVips;

namespace FaceSearch.Vision;

/// <summary>A row of libvips operations; disposes every image it made, but not the one it began with.</summary>
internal sealed class VipsChain(Image first) : IDisposable
{
    private readonly List<Image> _made = [];

    /// <summary>The latest image.</summary>
    public Image Last { get; private set; } = first;

    /// <summary>Applies one more operation.</summary>
    public void Then(Func<Image, Image> operation)
    {
        Last = operation(Last);
        _made.Add(Last);
    }

    public void Dispose()
    {
        foreach (Image image in _made)
            image.Dispose();
    }
}
