using FaceSearch.Gateway.Problems;

namespace FaceSearch.Gateway.Input;

/// <summary>For endpoints that take one image, in any form, or one embedding.</summary>
internal static class OneImage
{
    /// <summary>The image; null when there is an embedding instead.</summary>
    public static ReadOnlyMemory<byte>? Of<T>(ApiInput<T> input, byte[]? json, Embedding? embedding) where T : class
    {
        if (input.Images is [var image])
            return image.Part == "image" ? image.Bytes : throw ProblemException.Invalid("The file part must be named 'image'.");
        return Of(json, embedding, "");
    }

    /// <summary>The same for one side of a comparison.</summary>
    public static ReadOnlyMemory<byte>? Of(byte[]? image, Embedding? embedding, string where)
    {
        if (image is null == embedding is null)
            throw ProblemException.Invalid($"Send exactly one of '{where}image' and '{where}embedding'.");
        // Not a conditional expression: byte[] converts implicitly, and null would become an empty image.
        if (image is null)
            return null;
        return image;
    }

    /// <summary>The image of an endpoint that takes no embedding.</summary>
    public static ReadOnlyMemory<byte> Required<T>(ApiInput<T> input, byte[]? json) where T : class =>
        input.Images.Count == 1 || json is not null ? Of(input, json, null)!.Value : throw ProblemException.Invalid("Send an 'image'.");
}
