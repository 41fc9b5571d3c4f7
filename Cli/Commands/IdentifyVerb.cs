using System.CommandLine;
using FaceSearch.Cli.Client;
using FaceSearch.Cli.Enrolment;
using FaceSearch.Cli.Terminal;
using FaceSearch.Http;
using Spectre.Console;

namespace FaceSearch.Cli.Commands;

/// <summary>The answer for one picture; exactly one of the two is set.</summary>
internal sealed record IdentifiedFile(string File, IdentifyResponse? Answer, CliProblem? Problem);

/// <summary>The answers for all pictures of one command, in the order they were named.</summary>
internal sealed record IdentifiedFiles(string Gallery, IReadOnlyList<IdentifiedFile> Files);

/// <summary><c>facesearch identify</c>: who is in these pictures?</summary>
internal static class IdentifyVerb
{
    public static Command Build(GlobalOptions options)
    {
        Argument<string[]> images = new("image") { Description = "Pictures, or folders of pictures.", Arity = ArgumentArity.OneOrMore };
        Option<string> gallery = options.Gallery();
        Option<int> top = CommonOptions.Top();
        Option<double?> targetFpir = CommonOptions.TargetFpir();
        Option<float?> score = CommonOptions.Score();
        Option<float?> margin = CommonOptions.Margin();
        Option<string> faces = CommonOptions.Faces(FacePolicy.All, "Which faces of a picture to identify.");
        Option<string[]> filter = CommonOptions.Pairs("--filter", "Only people whose metadata has this; repeat a key for alternatives, name several keys to demand all.");
        Option<bool> partial = new("--allow-partial") { Description = "Accept an answer when not every shard has answered." };
        Option<int> parallel = CommonOptions.Parallel();

        return new Command("identify", "Who is in these pictures? Answers match, unknown or ambiguous for every face.")
        {
            images, gallery, top, targetFpir, score, margin, faces, filter, partial, parallel,
        }.WithExamples(
            "facesearch identify party.jpg",
            "# be stricter: one stranger in a thousand may be taken for somebody",
            "facesearch identify door-camera/ --target-fpir 0.001 --json",
            "# exit code 0: every face is a match; 3: at least one is not, or there is no face").Runs(options, async (run, cancellation) =>
        {
            ParseResult parse = run.Parse;
            string id = CommonOptions.CheckGallery(parse.GetRequiredValue(gallery));
            IdentifyRequest request = new()
            {
                Top = parse.GetValue(top),
                Threshold = CommonOptions.Threshold(parse.GetValue(targetFpir), parse.GetValue(score)),
                Margin = parse.GetValue(margin),
                Faces = parse.WordOf<FacePolicy>(faces),
                AllowPartial = parse.GetValue(partial) ? true : null,
                Filter = Filter(parse.GetValue(filter)),
            };
            List<(string Name, string Path)> files = [.. PeopleFolder.ImageFiles(parse.GetRequiredValue(images))];
            if (files.Count == 0)
                throw new UsageException("There is no picture there.");
            IdentifiedFiles answers = new(id, await AskAsync(run, id, request, files, parse.GetValue(parallel), cancellation));
            run.Output.Result(answers, Draw);
            return ExitCode(answers);
        });
    }

    private static Dictionary<string, string[]>? Filter(string[]? pairs)
    {
        IReadOnlyList<KeyValuePair<string, string>> split = CommonOptions.Split("--filter", pairs);
        return split.Count == 0
            ? null
            : split.GroupBy(pair => pair.Key, pair => pair.Value).ToDictionary(group => group.Key, group => group.ToArray());
    }

    private static async Task<IdentifiedFile[]> AskAsync(
        Invocation run, string gallery, IdentifyRequest request, List<(string Name, string Path)> files, int parallel, CancellationToken cancellation)
    {
        IdentifiedFile[] answers = new IdentifiedFile[files.Count];
        await run.Output.WithProgressAsync("Identifying", files.Count > 1 ? files.Count : 0, progress => Parallel.ForAsync(
            0, files.Count, new ParallelOptions { MaxDegreeOfParallelism = parallel, CancellationToken = cancellation },
            async (i, token) =>
            {
                try
                {
                    byte[] image = await File.ReadAllBytesAsync(files[i].Path, token);
                    answers[i] = new(files[i].Name, await run.Client.IdentifyAsync(gallery, request with { Image = image }, token), null);
                }
                catch (Exception refusal) when (IsOfThisPictureAlone(refusal) && Failures.Describe(refusal, run.Server, token) is { } problem)
                {
                    answers[i] = new(files[i].Name, null, problem with { ExitCode = ExitCodeOf(refusal, problem) });
                }
                progress.Report(1);
            }));
        return answers;
    }

    private static bool IsOfThisPictureAlone(Exception exception) => exception switch
    {
        ApiException api => api.Type is ProblemTypes.NoFace or ProblemTypes.SeveralFaces or ProblemTypes.ImageRejected or ProblemTypes.FaceRejected or ProblemTypes.TooLarge,
        IOException or UnauthorizedAccessException => true,
        _ => false,
    };

    private static int ExitCodeOf(Exception refusal, CliProblem problem) =>
        refusal is ApiException { Type: ProblemTypes.NoFace } ? ExitCodes.NoMatch : problem.ExitCode;

    private static int ExitCode(IdentifiedFiles answers)
    {
        if (answers.Files.Any(file => file.Problem is { ExitCode: not ExitCodes.NoMatch }))
            return ExitCodes.Failed;
        bool everyFaceMatched = answers.Files.All(file => file.Answer is { } answer && answer.Results.All(result => result.Decision == Decision.Match));
        return everyFaceMatched ? ExitCodes.Ok : ExitCodes.NoMatch;
    }

    private static void Draw(IAnsiConsole console, IdentifiedFiles answers)
    {
        Table table = Tables.Create("picture", "face", "decision", "identity", ">score", ">threshold", ">FMR there");
        SortedSet<string> warnings = new(StringComparer.Ordinal);
        foreach (IdentifiedFile file in answers.Files)
        {
            if (file.Problem is not null)
                table.Row(file.File, null, file.Problem.Type, file.Problem.Detail, null, null, null);
            foreach (FaceResult result in file.Answer?.Results ?? [])
                AddResult(table, file.File, result);
            warnings.UnionWith(file.Answer?.Warnings ?? []);
        }
        console.Write(table);
        foreach (string warning in warnings)
            console.WriteLine($"Note: {warning}");
    }

    private static void AddResult(Table table, string file, FaceResult result)
    {
        string? face = result.Face is null ? null : Tables.Box(result.Face.Box);
        string threshold = Tables.Score(result.Threshold.Threshold);
        string fmr = Tables.Rate(result.Threshold.Fmr);
        string decision = result.Decision.ToString().ToLowerInvariant();
        if (result.Candidates.Count == 0)
            table.Row(file, face, decision, null, null, threshold, fmr);
        for (int i = 0; i < result.Candidates.Count; i++)
        {
            Candidate candidate = result.Candidates[i];
            if (i == 0)
                table.Row(file, face, decision, candidate.Identity, Tables.Score(candidate.Score), threshold, fmr);
            else
                table.Row("", "", "", candidate.Identity, Tables.Score(candidate.Score), "", "");
        }
    }
}
