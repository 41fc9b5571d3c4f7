using FaceSearch.Gateway.Problems;
using FaceSearch.Http;
using Orleans.Runtime;

namespace FaceSearch.Gateway.Tests;

/// <summary>What a caller hears when a grain could not store its state, or could not be found.</summary>
public sealed class StorageProblemTests
{
    [Fact]
    public void A_problem_that_Orleans_wrapped_on_its_way_from_the_storage_is_told_as_it_was_meant()
    {
        Problem problem = ProblemFactory.From(new OrleansException("Error from storage provider", new FaceSearchException(ProblemTypes.StorageFull, 507, "No space left.", TimeSpan.FromSeconds(30))));
        (problem.Slug, problem.Status, problem.Detail, problem.RetryAfterSeconds).ShouldBe((ProblemTypes.StorageFull, 507, "No space left.", 30));
        ProblemFactory.From(new OrleansException("Another error", new InvalidOperationException("A secret"))).Slug.ShouldBe(ProblemTypes.Internal);
    }

    [Fact]
    public void What_passes_by_itself_is_a_503_with_Retry_After_and_is_tried_again()
    {
        Exception[] passing =
        [
            new OrleansException("Current directory at S127.0.0.1:1:1 is not stable to perform the lookup for grainId identity/people/ada (it maps to S127.0.0.1:2:1, which is not a valid silo). Retry later."),
            new OrleansException("Error from storage provider", new FaceSearchException(ProblemTypes.ShardUnavailable, 503, "The database cannot be used for grain states now.", TimeSpan.FromSeconds(1))),
            new Orleans.Storage.InconsistentStateException("State 'gallery' was changed by another activation."),
            new SiloUnavailableException("gone"),
        ];
        foreach (Exception e in passing)
        {
            Transient.Is(e).ShouldBeTrue(e.Message);
            Problem problem = ProblemFactory.From(e);
            (problem.Slug, problem.Status).ShouldBe((ProblemTypes.ShardUnavailable, 503), e.Message);
            problem.RetryAfterSeconds.ShouldNotBeNull();
        }
        Exception[] lasting = [new OrleansException("Another error", new InvalidOperationException("A secret")), new OrleansConfigurationException("wrong"), new InvalidOperationException()];
        lasting.ShouldAllBe(e => !Transient.Is(e));
    }
}
