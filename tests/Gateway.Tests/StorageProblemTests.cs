using FaceSearch.Gateway.Problems;
using FaceSearch.Http;
using Orleans.Runtime;

namespace FaceSearch.Gateway.Tests;

/// <summary>What a caller hears when a grain could not store its state.</summary>
public sealed class StorageProblemTests
{
    [Fact]
    public void A_problem_that_Orleans_wrapped_on_its_way_from_the_storage_is_told_as_it_was_meant()
    {
        Problem problem = ProblemFactory.From(new OrleansException("Error from storage provider", new FaceSearchException(ProblemTypes.StorageFull, 507, "No space left.", TimeSpan.FromSeconds(30))));
        (problem.Slug, problem.Status, problem.Detail, problem.RetryAfterSeconds).ShouldBe((ProblemTypes.StorageFull, 507, "No space left.", 30));
        ProblemFactory.From(new OrleansException("Another error", new InvalidOperationException("A secret"))).Slug.ShouldBe(ProblemTypes.Internal);
    }
}
