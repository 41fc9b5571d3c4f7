using FaceSearch.VectorIndex.Quantisation;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex.Search;

/// <summary>Copies a query into scratch and encodes it.</summary>
internal static unsafe class QueryEncoder
{
    public static RerankQuery Encode(SlotStore store, CodeTable codes, SearchScratch scratch, int position, ReadOnlySpan<float> query, in SearchOptions options, int updates)
    {
        float* vector = scratch.Queries + (position * store.Dimension);
        query.CopyTo(new Span<float>(vector, store.Dimension));
        EncodedQuery encoded = Quantiser.EncodeQuery(vector, store.Dimension, scratch.Encoded + (position * codes.Stride));
        scratch.Biases[position] = encoded.Bias;
        return new RerankQuery
        {
            Vector = vector,
            Unit = codes.Unit(encoded),
            QueryStep = encoded.Step,
            ErrorBound = codes.ErrorBound(encoded),
            MinScore = options.MinScore ?? float.NegativeInfinity,
            Filter = options.Filter,
            Updates = updates,
        };
    }
}
