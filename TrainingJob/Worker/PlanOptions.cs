using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using FaceSearch.TrainingJob.Training;

namespace FaceSearch.TrainingJob.Worker;

/// <summary>Makes a run's options from its plan.</summary>
internal static class PlanOptions
{
    private const int LongestBase = 40;

    /// <summary>What the worker itself decides.</summary>
    private static readonly string[] Reserved = ["mode", "run-folder", "model-name", "models-folder", "base-model", "seed"];

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new JsonStringEnumConverter() },
    };

    /// <exception cref="TrainingException">An option is not known or has no such value.</exception>
    public static TrainingOptions Of(TrainingLease lease, string runFolder, string modelsFolder)
    {
        TrainingRequest plan = lease.Run.Plan;
        JsonObject made = new()
        {
            ["mode"] = plan.Mode.ToString(),
            ["runFolder"] = runFolder,
            ["modelName"] = ModelName(lease),
            ["modelsFolder"] = modelsFolder,
            ["baseModel"] = lease.BaseModel,
            ["seed"] = plan.Seed,
        };
        if (plan.Mode == TrainingKind.Compatible)
            made["oldModel"] = lease.PresentModel;
        foreach ((string name, string value) in plan.Options ?? new Dictionary<string, string>())
        {
            if (Reserved.Contains(name))
                throw new TrainingException($"The option '{name}' is decided by the plan's own members, not by its options.");
            made[Camel(name)] = Value(value);
        }
        try
        {
            return made.Deserialize<TrainingOptions>(Json)!;
        }
        catch (JsonException e)
        {
            throw new TrainingException($"The plan's options are not those of a training run: {e.Path ?? e.Message.Split('.')[0]}. See `trainingjob train --help`.");
        }
    }

    /// <summary>The base model's name and the run's id: unique, and the same for every worker of the run.</summary>
    private static string ModelName(TrainingLease lease)
    {
        string stem = lease.BaseModel ?? "model";
        return $"{(stem.Length > LongestBase ? stem[..LongestBase] : stem)}-{lease.Run.Id}";
    }

    private static string Camel(string kebab)
    {
        string[] words = kebab.Split('-');
        return string.Concat(words.Select((word, i) => i == 0 || word.Length == 0 ? word : char.ToUpperInvariant(word[0]) + word[1..]));
    }

    private static JsonValue Value(string text) =>
        bool.TryParse(text, out bool flag) ? JsonValue.Create(flag)
        : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole) ? JsonValue.Create(whole)
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number) ? JsonValue.Create(number)
        : JsonValue.Create(text);
}
