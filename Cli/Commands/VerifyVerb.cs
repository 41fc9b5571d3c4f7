using System.CommandLine;
using FaceSearch.Cli.Terminal;
using FaceSearch.Http;
using Spectre.Console;

namespace FaceSearch.Cli.Commands;

/// <summary><c>facesearch verify</c>: are these two the same person?</summary>
internal static class VerifyVerb
{
    public static Command Build(GlobalOptions options)
    {
        Argument<string> first = new("a") { Description = "A picture." };
        Argument<string?> second = new("b") { Description = "Another picture; leave it out with --identity.", Arity = ArgumentArity.ZeroOrOne };
        Option<string?> identity = new("--identity", "-i") { Description = "Compare with this enrolled person instead of a second picture.", HelpName = "id" };
        Option<string> gallery = options.Gallery();
        Option<double?> fmr = new("--fmr") { Description = "Wanted false-match rate of this one comparison, over 0 to 0.5 (server's default 0.001).", HelpName = "rate" };

        return new Command("verify", "Are these the same person? Compares two pictures, or a picture with an enrolled person.")
        {
            first, second, identity, gallery, fmr,
        }.WithExamples(
            "facesearch verify passport.jpg selfie.jpg",
            "facesearch verify selfie.jpg --identity \"Ada Lovelace\" --fmr 1e-4",
            "# exit code 0: the same; 3: different").Runs(options, async (run, cancellation) =>
        {
            ParseResult parse = run.Parse;
            byte[] a = await CommonOptions.ReadImageAsync(parse.GetRequiredValue(first), cancellation);
            return (parse.GetValue(second), parse.GetValue(identity)) switch
            {
                ({ } path, null) => await VerifyPicturesAsync(run, a, await CommonOptions.ReadImageAsync(path, cancellation), parse.GetValue(fmr), cancellation),
                (null, { } id) => await VerifyIdentityAsync(run, parse.GetRequiredValue(gallery), id, a, parse.GetValue(fmr), cancellation),
                _ => throw new UsageException("verify compares a picture with either a second picture or --identity <id>."),
            };
        });
    }

    private static async Task<int> VerifyPicturesAsync(Invocation run, byte[] a, byte[] b, double? fmr, CancellationToken cancellation)
    {
        VerifyRequest request = new() { A = new FaceInput { Image = a }, B = new FaceInput { Image = b }, Fmr = fmr };
        VerifyResponse answer = await run.Client.VerifyAsync(request, cancellation);
        run.Output.Result(answer, (console, result) =>
        {
            console.WriteLine(Sentence(result.Same, result.Score, result.Threshold, result.Fmr));
            foreach (string warning in result.Warnings)
                console.WriteLine($"Note: {warning}");
        });
        return answer.Same ? ExitCodes.Ok : ExitCodes.NoMatch;
    }

    private static async Task<int> VerifyIdentityAsync(Invocation run, string gallery, string identity, byte[] image, double? fmr, CancellationToken cancellation)
    {
        IdentityVerifyRequest request = new() { Image = image, Fmr = fmr };
        IdentityVerifyResponse answer = await run.Client.VerifyIdentityAsync(
            CommonOptions.CheckGallery(gallery), CommonOptions.CheckIdentity(identity), request, cancellation);
        run.Output.Result(answer, (console, result) =>
        {
            console.WriteLine(Sentence(result.Same, result.Score, result.Threshold, result.Fmr));
            foreach (string warning in result.Warnings)
                console.WriteLine($"Note: {warning}");
        });
        return answer.Same ? ExitCodes.Ok : ExitCodes.NoMatch;
    }

    private static string Sentence(bool same, float score, float threshold, double fmr) =>
        $"{(same ? "The same person" : "Different people")}: score {Tables.Score(score)}, threshold {Tables.Score(threshold)} (FMR {Tables.Rate(fmr)}).";
}
