using FaceSearch.Cli.Enrolment;

namespace FaceSearch.Cli.Tests.Enrolment;

public sealed class EnrolmentReportTests
{
    private static readonly PeopleFolder Folder = new(
        [new("Ada", "Ada/1.jpg", "/x/Ada/1.jpg"), new("Ada", "Ada/2.jpg", "/x/Ada/2.jpg"), new("Eve", "Eve/1.jpg", "/x/Eve/1.jpg")],
        [new("loose.jpg", "not-in-a-persons-folder")]);

    [Fact]
    public void Counts_every_outcome_and_lists_what_was_not_enrolled_by_path()
    {
        EnrolmentReport report = EnrolmentReport.Of("people", Folder,
        [
            new("Eve/1.jpg", "Eve", ImageStatus.Conflict, "looks-like-existing", "Looks like 'Ada'.", "op-3"),
            new("Ada/1.jpg", "Ada", ImageStatus.Enrolled, null, null, "op-1"),
            new("Ada/2.jpg", "Ada", ImageStatus.Rejected, "no-face", "No face.", "op-2"),
        ], seconds: 2);

        (report.People, report.Images, report.Enrolled, report.Conflicts, report.Rejected, report.Failed, report.Skipped).ShouldBe((2, 3, 1, 1, 1, 0, 1));
        report.ImagesPerSecond.ShouldBe(1.5);
        report.NotEnrolled.Select(outcome => outcome.File).ShouldBe(["Ada/2.jpg", "Eve/1.jpg", "loose.jpg"]);
    }

    [Fact]
    public void The_csv_quotes_commas_quotes_and_line_breaks()
    {
        EnrolmentReport report = EnrolmentReport.Of("people", new([], []),
            [new("a,b/\"1\".jpg", "a,b", ImageStatus.Rejected, "no-face", "Two\nlines", "op-1")], seconds: 1);
        using StringWriter writer = new();

        report.WriteCsv(writer);

        writer.ToString().ShouldBe("file,identity,status,reason,detail,operationId\r\n\"a,b/\"\"1\"\".jpg\",\"a,b\",rejected,no-face,\"Two\nlines\",op-1\r\n");
    }
}
