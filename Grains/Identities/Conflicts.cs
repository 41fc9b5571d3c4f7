using FaceSearch.Grains.Galleries;

namespace FaceSearch.Grains.Identities;

/// <summary>
/// Looks, before an enrolment, for templates that the gallery has already: of the same identity (near-duplicates), or of another
/// one that the new face looks like more than like its own. The second costs a person's attention, so it asks for ten times the
/// certainty of a match: a tenth of the gallery's target FPIR.
/// </summary>
internal static class Conflicts
{
    private const double Certainty = 10;

    private static readonly TimeSpan SearchTime = TimeSpan.FromSeconds(10);

    public static async Task<IReadOnlyList<EnrolmentConflict>> FindAsync(
        IGrainFactory grains, GalleryView view, string identity, IReadOnlyList<NewTemplate> templates, TimeProvider time, CancellationToken cancellationToken)
    {
        IIdentifyGrain identify = grains.GetGrain<IIdentifyGrain>(view.Gallery);
        List<EnrolmentConflict> conflicts = [];
        ThresholdPolicy threshold = view.Settings.Threshold.TargetFpir is { } fpir ? new ThresholdPolicy(fpir / Certainty) : view.Settings.Threshold;
        IdentifyOutcome[] outcomes = await Task.WhenAll(templates.Select(t => identify.IdentifyAsync(
            new IdentifyQuery(view.Gallery, view.Generation, t.Embedding, 2, threshold, null, null, time.GetUtcNow() + SearchTime, false), cancellationToken)));
        for (int i = 0; i < templates.Count; i++)
        {
            foreach (Candidate candidate in outcomes[i].Candidates)
            {
                bool own = candidate.Identity == identity;
                if (candidate.Score >= (own ? view.Settings.NearDuplicateScore : outcomes[i].Threshold.Threshold))
                    conflicts.Add(new EnrolmentConflict(i, own ? ConflictKind.NearDuplicate : ConflictKind.LooksLikeExisting, candidate.Identity, candidate.BestTemplate, candidate.Score));
                if (own)
                    break;
            }
            for (int j = 0; j < i; j++)
            {
                float score = templates[i].Embedding.Score(templates[j].Embedding);
                if (score >= view.Settings.NearDuplicateScore)
                    conflicts.Add(new EnrolmentConflict(i, ConflictKind.NearDuplicate, identity, default, score));
            }
        }
        return conflicts;
    }

    public static FaceSearchException WrongGeneration(string gallery, int got, int active) =>
        new(ProblemTypes.GenerationMismatch, 409, $"Gallery '{gallery}' uses model generation {active}; the embedding is of generation {got}. Embed again with the gallery's model.");
}
