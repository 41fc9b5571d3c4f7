namespace FaceSearch.TrainingJob.Augmentation;

/// <summary>How strongly faces are varied; each value is the largest change.</summary>
/// <param name="Scale">Of the size: 0.1 is up to a tenth larger or smaller.</param>
/// <param name="Degrees">Turn.</param>
/// <param name="Pixels">Shift of a 112-pixel crop.</param>
/// <param name="Light">Of brightness and contrast.</param>
/// <param name="Colour">Of the red and blue planes.</param>
/// <param name="Degrade">Share of faces that are made grey, blurred, or packed as a poor JPEG (each a third).</param>
public sealed record JitterStrength(float Scale, float Degrees, float Pixels, float Light, float Colour, float Degrade)
{
    /// <summary>For an aligned face.</summary>
    public static readonly JitterStrength Aligned = new(0.06f, 5, 3, 0.25f, 0.1f, 0.25f);

    /// <summary>For a face already varied once: only what a camera and a codec change.</summary>
    public static readonly JitterStrength Camera = new(0.015f, 1, 0.75f, 0.1f, 0.05f, 0.1f);

    /// <summary>For a centre crop, where the face's place is not known.</summary>
    public static readonly JitterStrength Thumbnail = new(0.1f, 6, 5, 0.25f, 0.1f, 0.25f);
}

/// <summary>One variation, drawn.</summary>
/// <param name="Size">Factor on the face's size.</param>
/// <param name="Radians">Turn.</param>
/// <param name="X">Shift in pixels.</param>
/// <param name="Y">Shift in pixels.</param>
/// <param name="Mirror">Left and right exchanged.</param>
/// <param name="Contrast">Factor around mid-grey.</param>
/// <param name="Brightness">Added, of 255.</param>
/// <param name="Red">Factor on red.</param>
/// <param name="Blue">Factor on blue.</param>
/// <param name="Grey">Without colour.</param>
/// <param name="Blur">Side in pixels to which the face is shrunk and enlarged again; 0 for none.</param>
/// <param name="Quality">JPEG quality it is packed with; 0 for none.</param>
public readonly record struct Jitter(
    float Size, float Radians, float X, float Y, bool Mirror, float Contrast, float Brightness, float Red, float Blue, bool Grey, int Blur, int Quality)
{
    /// <summary>No variation.</summary>
    public static readonly Jitter None = new(1, 0, 0, 0, false, 1, 0, 1, 1, false, 0, 0);

    /// <summary>Draws one; the same random numbers give the same variation.</summary>
    public static Jitter Draw(Random random, JitterStrength s)
    {
        float size = 1 + s.Scale * Signed(random), turn = s.Degrees * Signed(random) * MathF.PI / 180;
        float x = s.Pixels * Signed(random), y = s.Pixels * Signed(random);
        bool mirror = random.Next(2) == 0;
        float contrast = 1 + s.Light * Signed(random), brightness = 0.5f * s.Light * Signed(random);
        float red = 1 + s.Colour * Signed(random), blue = 1 + s.Colour * Signed(random);
        bool degraded = random.NextSingle() < s.Degrade;
        int kind = random.Next(3), blur = random.Next(40, 90), quality = random.Next(20, 70);
        return new Jitter(size, turn, x, y, mirror, contrast, brightness, red, blue,
            degraded && kind == 0, degraded && kind == 1 ? blur : 0, degraded && kind == 2 ? quality : 0);
    }

    private static float Signed(Random random) => 2 * random.NextSingle() - 1;
}
