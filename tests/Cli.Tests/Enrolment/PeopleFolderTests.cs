using FaceSearch.Cli.Enrolment;

namespace FaceSearch.Cli.Tests.Enrolment;

public sealed class PeopleFolderTests
{
    [Fact]
    public void Each_sub_folder_is_a_person_and_images_come_in_ordinal_order()
    {
        using TemporaryFolder folder = new();
        folder.Write("Zoë/b.JPG", 1);
        folder.Write("Ada Lovelace/2.png", 1);
        folder.Write("Ada Lovelace/10.jpg", 1);
        folder.Write("Ada Lovelace/holiday/1.webp", 1);

        PeopleFolder people = PeopleFolder.Scan(folder.Path);

        people.Images.Select(image => (image.Identity, image.RelativePath)).ShouldBe(
        [
            ("Ada Lovelace", "Ada Lovelace/10.jpg"),
            ("Ada Lovelace", "Ada Lovelace/2.png"),
            ("Ada Lovelace", "Ada Lovelace/holiday/1.webp"),
            ("Zoë", "Zoë/b.JPG"),
        ]);
        people.People.ShouldBe(2);
        people.Skipped.ShouldBeEmpty();
    }

    [Fact]
    public void Files_that_are_not_sent_are_named_with_a_reason_and_hidden_ones_are_ignored()
    {
        using TemporaryFolder folder = new();
        folder.Write("Ada/1.jpg", 1);
        folder.Write("Ada/notes.txt", 1);
        folder.Write("loose.jpg", 1);
        folder.Write("100%/1.jpg", 1);
        folder.Write("Ada/.DS_Store", 1);

        PeopleFolder.Scan(folder.Path).Skipped.Select(file => (file.RelativePath, file.Reason)).ShouldBe(
        [
            ("100%/1.jpg", "folder-name-is-no-identity-id"),
            ("Ada/notes.txt", "not-an-image"),
            ("loose.jpg", "not-in-a-persons-folder"),
        ]);
    }

    [Fact]
    public void A_missing_folder_is_an_error_that_names_it() =>
        Should.Throw<DirectoryNotFoundException>(() => PeopleFolder.Scan("/nowhere/at/all")).Message.ShouldContain("/nowhere/at/all");

    [Fact]
    public void Named_files_and_folders_become_images_of_one_person()
    {
        using TemporaryFolder folder = new();
        string one = folder.Write("one.dat", 1);
        folder.Write("more/b.jpg", 1);
        folder.Write("more/a.jpg", 1);
        folder.Write("more/c.txt", 1);

        PeopleFolder people = PeopleFolder.OfOne("Ada", [one, folder.Below("more")]);

        people.Images.Select(image => Path.GetFileName(image.FullPath)).ShouldBe(["one.dat", "a.jpg", "b.jpg"]);
        people.Images.ShouldAllBe(image => image.Identity == "Ada");
    }
}
