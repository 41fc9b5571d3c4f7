using FaceSearch.Grains.Galleries;

namespace FaceSearch.Grains.Identification;

/// <summary>What a search must satisfy; messages name the field and its bounds.</summary>
internal static class IdentifyRules
{
    public const int MaxTop = 100, MaxFilterKeys = 8, MaxFilterValues = 64;

    public static void Check(IdentifyQuery query)
    {
        if (query.Top is < 1 or > MaxTop)
            throw FaceSearchException.Invalid($"top must be 1 to {MaxTop}; got {query.Top}.");
        if (query.Threshold is not null)
            GalleryRules.Check(query.Threshold);
        if (query.Margin is { } margin && !(margin is >= 0 and <= 1))
            throw FaceSearchException.Invalid($"margin must be 0 to 1; got {margin}.");
        if (query.Filter is null)
            return;
        if (query.Filter.Count > MaxFilterKeys)
            throw FaceSearchException.Invalid($"A filter has at most {MaxFilterKeys} keys; got {query.Filter.Count}.");
        foreach ((string key, string[] values) in query.Filter)
        {
            if (values is null || values.Length is 0 or > MaxFilterValues)
                throw FaceSearchException.Invalid($"filter['{key}'] needs 1 to {MaxFilterValues} values.");
        }
    }
}
