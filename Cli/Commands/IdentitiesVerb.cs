using System.CommandLine;
using System.Globalization;
using FaceSearch.Cli.Enrolment;
using FaceSearch.Cli.Terminal;
using FaceSearch.Http;
using Spectre.Console;

namespace FaceSearch.Cli.Commands;

/// <summary><c>facesearch identities</c>: list, get, metadata, remove-template, erase.</summary>
internal static class IdentitiesVerb
{
    private const int PageSize = 1_000;

    public static Command Build(GlobalOptions options) => new Command("identities", "List, read, change and erase the people of a gallery.")
    {
        List(options), Get(options), Metadata(options), RemoveTemplate(options), Erase(options),
    };

    private static Command List(GlobalOptions options)
    {
        Option<string> gallery = options.Gallery();
        Option<int> limit = new("--limit") { Description = "At most so many; 0 for all.", HelpName = "n", DefaultValueFactory = _ => 100 };
        Option<string?> after = new("--after") { Description = "Only ids that sort after this one (ordinal).", HelpName = "id" };
        return new Command("list", "People by id.") { gallery, limit, after }.WithExamples(
            "facesearch identities list --gallery staff",
            "facesearch identities list --limit 0 --json").Runs(options, async (run, cancellation) =>
        {
            IdentityPage page = await ReadAsync(
                run, CommonOptions.CheckGallery(run.Parse.GetRequiredValue(gallery)), run.Parse.GetValue(after), run.Parse.GetValue(limit), cancellation);
            run.Output.Result(page, (console, identities) =>
            {
                Table table = Tables.Create("identity", ">templates", ">version", "enrolled", "metadata");
                foreach (IdentityDescription identity in identities.Items)
                    table.Row(identity.Id, Tables.Count(identity.Templates.Count), Tables.Count(identity.Version), Tables.Time(identity.CreatedAt), Text(identity.Metadata));
                console.Write(table);
                if (identities.Next is { } next)
                    console.WriteLine($"There are more: --after \"{next}\", or --limit 0 for all.");
            });
            return ExitCodes.Ok;
        });
    }

    private static Command Get(GlobalOptions options)
    {
        Argument<string> id = Id();
        Option<string> gallery = options.Gallery();
        return new Command("get", "One person: metadata, version, templates.") { id, gallery }
            .WithExamples("facesearch identities get \"Ada Lovelace\"").Runs(options, async (run, cancellation) =>
            {
                (string g, string i) = Names(run.Parse, gallery, id);
                run.Output.Result(await run.Client.GetIdentityAsync(g, i, cancellation), Draw);
                return ExitCodes.Ok;
            });
    }

    private static Command Metadata(GlobalOptions options)
    {
        Argument<string> id = Id();
        Option<string> gallery = options.Gallery();
        Option<string[]> set = CommonOptions.Pairs("--set", "Sets a key; may be repeated.");
        Option<string[]> remove = new("--remove") { Description = "Removes a key; may be repeated.", HelpName = "key" };
        return new Command("metadata", "Set and remove metadata keys; the others stay. Refused if somebody else changed the person meanwhile.") { id, gallery, set, remove }
            .WithExamples("facesearch identities metadata \"Ada Lovelace\" --set team=engine --remove badge").Runs(options, async (run, cancellation) =>
            {
                (string g, string i) = Names(run.Parse, gallery, id);
                IReadOnlyList<KeyValuePair<string, string>> changes = CommonOptions.Split("--set", run.Parse.GetValue(set));
                string[] removals = run.Parse.GetValue(remove) ?? [];
                if (changes.Count + removals.Length == 0)
                    throw new UsageException("Nothing to change.", "Add --set key=value or --remove key.");
                IdentityDescription now = await run.Client.GetIdentityAsync(g, i, cancellation);
                Dictionary<string, string> metadata = new(now.Metadata);
                foreach ((string key, string value) in changes)
                    metadata[key] = value;
                foreach (string key in removals)
                    metadata.Remove(key);
                run.Output.Result(await run.Client.SetMetadataAsync(g, i, OperationIds.New(), metadata, now.Version, cancellation), Draw);
                return ExitCodes.Ok;
            });
    }

    private static Command RemoveTemplate(GlobalOptions options)
    {
        Argument<string> id = Id();
        Argument<string> template = new("template") { Description = "Template id: sixteen hexadecimal digits, see 'identities get'." };
        Option<string> gallery = options.Gallery();
        Option<bool> yes = CommonOptions.Yes();
        return new Command("remove-template", "Erase one template of a person for good.") { id, template, gallery, yes }
            .WithExamples("facesearch identities remove-template \"Ada Lovelace\" 00a1b2c3d4e5f607 --yes").Runs(options, async (run, cancellation) =>
            {
                (string g, string i) = Names(run.Parse, gallery, id);
                if (!TemplateId.TryParse(run.Parse.GetRequiredValue(template), out TemplateId templateId))
                    throw new UsageException("A template id is sixteen lower-case hexadecimal digits.", "See: facesearch identities get <identity>");
                if (!run.Output.Confirm($"Erase template {templateId} of '{i}'?", run.Parse.GetValue(yes)))
                    return NothingErased(run);
                run.Output.Result(await run.Client.RemoveTemplateAsync(g, i, templateId, OperationIds.New(), cancellation), DrawReceipt);
                return ExitCodes.Ok;
            });
    }

    private static Command Erase(GlobalOptions options)
    {
        Argument<string> id = Id();
        Option<string> gallery = options.Gallery();
        Option<bool> yes = CommonOptions.Yes();
        return new Command("erase", "Erase a person: invisible at once, gone from every file when the command returns.") { id, gallery, yes }
            .WithExamples("facesearch identities erase \"Ada Lovelace\" --yes").Runs(options, async (run, cancellation) =>
            {
                (string g, string i) = Names(run.Parse, gallery, id);
                if (!run.Output.Confirm($"Erase '{i}' from gallery '{g}'?", run.Parse.GetValue(yes)))
                    return NothingErased(run);
                run.Output.Result(await run.Client.EraseIdentityAsync(g, i, OperationIds.New(), cancellation), DrawReceipt);
                return ExitCodes.Ok;
            });
    }

    private static async Task<IdentityPage> ReadAsync(Invocation run, string gallery, string? after, int limit, CancellationToken cancellation)
    {
        int wanted = limit <= 0 ? int.MaxValue : limit;
        List<IdentityDescription> identities = [];
        string? next = after;
        do
        {
            IdentityPage page = await run.Client.ListIdentitiesAsync(gallery, next, Math.Min(PageSize, wanted - identities.Count), cancellation);
            identities.AddRange(page.Items);
            next = page.Next;
        }
        while (next is not null && identities.Count < wanted);
        return new(identities, next);
    }

    private static Argument<string> Id() => new("identity") { Description = "Identity id." };

    private static (string Gallery, string Identity) Names(ParseResult parse, Option<string> gallery, Argument<string> id) =>
        (CommonOptions.CheckGallery(parse.GetRequiredValue(gallery)), CommonOptions.CheckIdentity(parse.GetRequiredValue(id)));

    private static int NothingErased(Invocation run)
    {
        run.Output.Note("Nothing was erased.");
        return ExitCodes.Failed;
    }

    private static string? Text(IReadOnlyDictionary<string, string> metadata) =>
        metadata.Count == 0 ? null : string.Join(", ", metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}"));

    private static void DrawReceipt(IAnsiConsole console, ErasureReceipt receipt) => console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"Erased {receipt.TemplatesErased} templates of '{receipt.Identity}'; {receipt.SnapshotsRewritten} snapshots rewritten; complete at {Tables.Time(receipt.At)}."));

    private static void Draw(IAnsiConsole console, IdentityDescription identity)
    {
        console.WriteLine($"{identity.Id}: version {identity.Version}, enrolled {Tables.Time(identity.CreatedAt)}, changed {Tables.Time(identity.UpdatedAt)}");
        if (Text(identity.Metadata) is { } metadata)
            console.WriteLine(metadata);
        Table table = Tables.Create("template", ">generation", ">quality", ">face px", "enrolled");
        foreach (TemplateDescription template in identity.Templates)
        {
            table.Row(
                template.Id.ToString(), template.Generation.ToString(CultureInfo.InvariantCulture),
                template.Quality.Overall?.ToString("F2", CultureInfo.InvariantCulture),
                template.Quality.FaceSize?.ToString("F0", CultureInfo.InvariantCulture), Tables.Time(template.CreatedAt));
        }
        console.Write(table);
    }
}
