namespace FaceSearch.TrainingJob.Training;

/// <summary>Refuses options that make no sense; messages name the option, what it got, and why it is bounded.</summary>
internal static class TrainingOptionsCheck
{
    /// <exception cref="TrainingException">An option is out of its bounds.</exception>
    public static void Check(TrainingOptions o)
    {
        Demand(o.RunFolder.Length > 0, "the run folder must be named");
        Demand(o.ModelName.Length is > 0 and <= 64 && o.ModelName.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_' or '.'), $"the model's name must be 1 to 64 of a-z, 0-9, '-', '_' and '.'; got '{o.ModelName}'");
        Demand(o.Dimension is >= 2 and <= 4096, $"the dimension must be 2 to 4096; got {o.Dimension}");
        Demand(o.Epochs >= 1, $"epochs must be at least 1; got {o.Epochs}");
        Demand(o.BatchSize >= 2, $"the batch size must be at least 2, for batch norm and for relations; got {o.BatchSize}");
        Demand(o.PeoplePerBatch >= 2, $"people per batch must be at least 2, since a negative is another person; got {o.PeoplePerBatch}");
        Demand(o.FacesPerPerson >= 2, $"faces per person must be at least 2, since a positive is another face; got {o.FacesPerPerson}");
        Demand(o.RandomNegatives >= 0, $"random negatives must be 0 or more; got {o.RandomNegatives}");
        Demand(o.OfflineEvery >= 0, $"steps between offline minings must be 0 (none) or more; got {o.OfflineEvery}");
        Demand(o.OfflineEvery == 0 || o.RandomNegatives > 0, "offline mining fills the places of random negatives, so there must be some");
        Demand(o.OfflineSubset is >= 2 and <= 100_000, $"an offline mining must look at 2 to 100,000 faces; got {o.OfflineSubset}");
        Demand(o.Margin is > 0 and < 4, $"the margin must be over 0 and below 4, the largest squared distance of unit vectors; got {o.Margin}");
        Demand(o.LearningRate > 0 && double.IsFinite(o.LearningRate), $"the learning rate must be positive; got {o.LearningRate}");
        Demand(o.WeightDecay >= 0 && double.IsFinite(o.WeightDecay), $"weight decay must be 0 or more; got {o.WeightDecay}");
        Demand(o.AverageDecay is >= 0 and < 1, $"the decay of the weights' mean must be 0 or more and below 1; got {o.AverageDecay}");
        Demand(o.ThumbnailShare is >= 0 and <= 1, $"the thumbnails' share must be 0 to 1; got {o.ThumbnailShare}");
        Demand(o.TestShare > 0 && o.ValidationShare >= 0 && o.TestShare + o.ValidationShare < 1, $"the test share must be over 0, so that the model can be judged, and test and validation together below 1; got {o.TestShare} and {o.ValidationShare}");
        Demand(o.TeacherViews >= 1, $"views must be at least 1; got {o.TeacherViews}");
        Demand(o.ValidateEvery >= 1, $"validation must come every 1 or more epochs; got {o.ValidateEvery}");
        Demand(o.HintWeight >= 0 && float.IsFinite(o.HintWeight), $"the weight of hints must be 0 or more; got {o.HintWeight}");
        Demand(o.HeadHidden >= 0, $"the head's hidden layer must be 0 (none) or wider; got {o.HeadHidden}");
        Demand(o.Mode != TrainingMode.Compatible || o.OldModel is not null, "the mode 'compatible' needs the old model's name");
    }

    private static void Demand(bool holds, string rule)
    {
        if (!holds)
            throw new TrainingException($"The options are wrong: {rule}.");
    }
}
