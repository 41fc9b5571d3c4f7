using System.CommandLine;
using FaceSearch.Cli.Terminal;
using FaceSearch.Http;
using Spectre.Console;

namespace FaceSearch.Cli.Commands;

/// <summary><c>facesearch keys</c>: list, create, revoke.</summary>
internal static class KeysVerb
{
    public static Command Build(GlobalOptions options) => new Command("keys", "List, create and revoke API keys (needs an admin key once there are keys).")
    {
        List(options), Create(options), Revoke(options),
    };

    private static Command List(GlobalOptions options) => new Command("list", "All keys, without their texts.")
        .WithExamples("facesearch keys list").Runs(options, async (run, cancellation) =>
        {
            KeyList keys = new(await run.Client.ListKeysAsync(cancellation));
            run.Output.Result(keys, (console, list) =>
            {
                Table table = Tables.Create("id", "name", "role", "created");
                foreach (ApiKeyDescription key in list.Items)
                    table.Row(key.Id, key.Name, Word(key.Role), Tables.Time(key.CreatedAt));
                console.Write(table);
            });
            return ExitCodes.Ok;
        });

    private static Command Create(GlobalOptions options)
    {
        Argument<string> name = new("name") { Description = "For people: who or what will use the key." };
        Option<string> role = CommonOptions.Word<ApiRole>("--role", "What it may do; each role includes those before it.", null);
        return new Command("create", "Create a key. Its text is shown this once; the server keeps a hash.") { name, role }.WithExamples(
            "facesearch keys create door-camera --role identify",
            "export FACESEARCH_KEY=$(facesearch keys create me --role admin --json | jq -r .key)").Runs(options, async (run, cancellation) =>
        {
            KeyRequest request = new() { Name = run.Parse.GetRequiredValue(name), Role = run.Parse.WordOf<ApiRole>(role) };
            run.Output.Result(await run.Client.CreateKeyAsync(request, cancellation), (console, key) =>
            {
                console.WriteLine(key.Key);
                run.Output.Note($"Key '{key.Name}' ({Word(key.Role)}, id {key.Id}). This text is not shown again; keep it in FACESEARCH_KEY.");
            });
            return ExitCodes.Ok;
        });
    }

    private static Command Revoke(GlobalOptions options)
    {
        Argument<string> id = new("id") { Description = "Key id, see 'keys list'." };
        return new Command("revoke", "Revoke a key at once; the last admin key is refused.") { id }
            .WithExamples("facesearch keys revoke k1a2b3").Runs(options, async (run, cancellation) =>
            {
                string key = run.Parse.GetRequiredValue(id);
                await run.Client.RevokeKeyAsync(key, cancellation);
                run.Output.Result(new { id = key, revoked = true }, (console, _) => console.WriteLine($"Key {key} is revoked."));
                return ExitCodes.Ok;
            });
    }

    private static string Word(ApiRole role) => role.ToString().ToLowerInvariant();
}
