using FaceSearch.Grains.Galleries;
using FaceSearch.Grains.Identities;
using FaceSearch.Grains.Shards;
using FaceSearch.Storage;

namespace FaceSearch.Grains.Reembedding;

/// <summary>What a comparison of the two generations found.</summary>
/// <param name="Refusal">Why the new one must not answer; null if it may.</param>
internal sealed record CheckResult(long Identities, long Templates, double SelfMatch, double Agreement, int Sampled, string? Refusal);

/// <summary>
/// Proves a new generation before it answers: it holds whom the old one holds; sampled people are found by their own templates; and
/// faces that are embedded now, by both models, lead both generations to the same person.
/// </summary>
internal sealed class GenerationCheck(IGrainFactory grains, ICropStore crops, LiveEmbedding faces, ReembeddingOptions options, TimeProvider time)
{
    private const int CountAttempts = 100;
    private static readonly TimeSpan SearchTime = TimeSpan.FromSeconds(10), CountAgain = TimeSpan.FromMilliseconds(50);

    public async Task<CheckResult> RunAsync(GalleryView view, GalleryView next, long missing, CancellationToken cancellation)
    {
        (long identities, long templates, bool equal) = await CountAsync(view, next, missing, cancellation);
        if (!equal)
            return new CheckResult(identities, templates, 0, 0, 0, $"The new generation counts {identities} identities and {templates} templates, which are not those of the old one ({missing} cannot be moved).");
        List<(string Identity, TemplateId Template, Embedding Old, Embedding New)> sample = await SampleAsync(view, next);
        int self = 0, agree = 0;
        foreach ((string identity, TemplateId template, Embedding old, Embedding stored) in sample)
        {
            cancellation.ThrowIfCancellationRequested();
            self += await BestAsync(next, stored) == identity ? 1 : 0;
            (Embedding Old, Embedding New)? live = await faces.EmbedAsync(crops, view, next, template, cancellation);
            string? before = await BestAsync(view, live?.Old ?? old), after = await BestAsync(next, live?.New ?? stored);
            agree += before is not null && before == after ? 1 : 0;
        }
        double selfShare = sample.Count == 0 ? 1 : (double)self / sample.Count, agreeShare = sample.Count == 0 ? 1 : (double)agree / sample.Count;
        string? refusal = selfShare < options.MinSelfMatch
            ? $"Of {sample.Count} sampled templates the new generation finds the own person for {selfShare:P1} only; at least {options.MinSelfMatch:P1} are asked for."
            : agreeShare < options.MinAgreement
            ? $"Of {sample.Count} sampled faces both generations name the same person for {agreeShare:P1} only; at least {options.MinAgreement:P1} are asked for."
            : null;
        return new CheckResult(identities, templates, selfShare, agreeShare, sample.Count, refusal);
    }

    /// <summary>Enrolments go on, so the counts are compared between two looks at the old generation.</summary>
    private async Task<(long Identities, long Templates, bool Equal)> CountAsync(GalleryView view, GalleryView next, long missing, CancellationToken cancellation)
    {
        (long Identities, long Templates) there = default;
        for (int attempt = 0; attempt < CountAttempts; attempt++)
        {
            (long Identities, long Templates) before = await CountAsync(view);
            there = await CountAsync(next);
            (long Identities, long Templates) after = await CountAsync(view);
            if (Between(there.Identities, before.Identities, after.Identities) && Between(there.Templates + missing, before.Templates, after.Templates))
                return (there.Identities, there.Templates, true);
            await Task.Delay(CountAgain, time, cancellation);
        }
        return (there.Identities, there.Templates, false);
    }

    private static bool Between(long value, long a, long b) => value >= Math.Min(a, b) && value <= Math.Max(a, b);

    private async Task<(long Identities, long Templates)> CountAsync(GalleryView view)
    {
        ShardStatus[] shards = await Task.WhenAll(Shards(view).Select(s => s.GetStatusAsync()));
        return (shards.Sum(s => s.Identities), shards.Sum(s => s.Templates));
    }

    /// <summary>Templates that both generations hold, of distinct people where there are enough.</summary>
    private async Task<List<(string, TemplateId, Embedding, Embedding)>> SampleAsync(GalleryView view, GalleryView next)
    {
        IGalleryShardGrain[] shards = [.. Shards(next)];
        IReadOnlyList<CalibrationProbe>[] drawn = await Task.WhenAll(shards.Select(s => s.SampleAsync((options.Sample + shards.Length - 1) / shards.Length, seed: 1)));
        List<(string, TemplateId, Embedding, Embedding)> sample = [];
        foreach (string identity in drawn.SelectMany(d => d).Select(p => p.Identity))
        {
            IdentityOutline? outline = (await new IdentityShards(grains, next, identity).OutlineAsync()).Outline;
            if (outline is not { Templates.Length: > 0 })
                continue;
            long template = outline.Templates[0];
            if (await VectorAsync(view, identity, template) is { } old && await VectorAsync(next, identity, template) is { } stored)
                sample.Add((identity, new TemplateId(template), old, stored));
        }
        return sample;
    }

    private async Task<Embedding?> VectorAsync(GalleryView view, string identity, long template)
    {
        IGalleryShardGrain shard = (await new IdentityShards(grains, view, identity).OutlineAsync()).Shard;
        ShardExport export = await shard.ExportAsync([template]);
        return export.Templates.Length == 1 ? Embedding.Normalise(export.Vectors) : null;
    }

    private async Task<string?> BestAsync(GalleryView view, Embedding probe)
    {
        ShardQuery query = new(probe, 2, null, time.GetUtcNow() + SearchTime);
        ShardAnswer[] answers = await Task.WhenAll(Shards(view).Select(s => s.SearchAsync(query)));
        return answers.SelectMany(a => a.Candidates).OrderByDescending(c => c.Score).ThenBy(c => c.Identity, StringComparer.Ordinal).FirstOrDefault()?.Identity;
    }

    private IEnumerable<IGalleryShardGrain> Shards(GalleryView view) =>
        Enumerable.Range(0, view.Map.ShardCount).Select(n => grains.GetGrain<IGalleryShardGrain>(view.Shard(n).ToString()));
}
