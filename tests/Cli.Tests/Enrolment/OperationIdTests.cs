using FaceSearch.Cli.Enrolment;

namespace FaceSearch.Cli.Tests.Enrolment;

public sealed class OperationIdTests
{
    private static readonly byte[] Content = [1, 2, 3];

    [Fact]
    public void The_same_image_in_the_same_place_has_the_same_id_in_every_version() =>
        OperationIds.ForImage("people", "Ada", "Ada/1.jpg", Content).ShouldBe("cli-915c9ac3812573a328c55a877048f8dff8fd5836");

    [Fact]
    public void Whatever_makes_it_another_operation_makes_another_id()
    {
        string[] ids =
        [
            OperationIds.ForImage("people", "Ada", "Ada/1.jpg", Content),
            OperationIds.ForImage("staff", "Ada", "Ada/1.jpg", Content),
            OperationIds.ForImage("people", "Eve", "Ada/1.jpg", Content),
            OperationIds.ForImage("people", "Ada", "Ada/2.jpg", Content),
            OperationIds.ForImage("people", "Ada", "Ada/1.jpg", [1, 2, 4]),
            OperationIds.ForImage("people", "Ada", "Ada/1.jpg", Content, "again"),
        ];

        ids.Distinct().Count().ShouldBe(ids.Length);
        ids.ShouldAllBe(id => Ids.IsOperation(id));
    }

    [Fact]
    public void Single_commands_get_fresh_ids() => OperationIds.New().ShouldNotBe(OperationIds.New());
}
