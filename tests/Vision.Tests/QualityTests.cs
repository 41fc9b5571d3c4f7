namespace FaceSearch.Vision.Tests;

public sealed class QualityTests
{
    private static readonly FaceQuality Good = new(0.9f, 150, 120, 0, 0, 0, 0.95f);

    private static readonly FaceLandmarks Frontal = new(new(-1, 0), new(1, 0), new(0, 1.27f), new(-0.83f, 2.31f), new(0.83f, 2.31f));

    [Theory]
    [InlineData(0), InlineData(40), InlineData(-40), InlineData(65)]
    public void Yaw_is_recovered_from_a_turned_head(double degrees)
    {
        (float yaw, float pitch, float roll) = PoseEstimator.Estimate(Turned(degrees, 0, 0));
        yaw.ShouldBe((float)degrees, 5f);
        pitch.ShouldBe(0, 3f);
        roll.ShouldBe(0, 3f);
    }

    [Theory]
    [InlineData(35), InlineData(-35)]
    public void Pitch_is_recovered_from_a_nodding_head(double degrees)
    {
        (float yaw, float pitch, _) = PoseEstimator.Estimate(Turned(0, degrees, 0));
        pitch.ShouldBe((float)degrees, 6f);
        yaw.ShouldBe(0, 3f);
    }

    [Theory]
    [InlineData(25), InlineData(-60), InlineData(170)]
    public void Roll_does_not_disturb_yaw(double degrees)
    {
        (float yaw, float pitch, float roll) = PoseEstimator.Estimate(Turned(30, 0, degrees));
        yaw.ShouldBe(30, 6f);
        pitch.ShouldBe(0, 4f);
        roll.ShouldBe((float)degrees, 4f);
    }

    [Fact]
    public void Five_equal_landmarks_count_as_an_extreme_pose()
    {
        ImagePoint p = new(3, 3);
        (float yaw, _, _) = PoseEstimator.Estimate(new FaceLandmarks(p, p, p, p, p));
        new QualityPolicy().Evaluate(Good with { Yaw = yaw }).ShouldBe([QualityRejection.ExtremePose]);
    }

    [Fact]
    public void A_blurred_crop_is_less_sharp()
    {
        byte[] noise = new byte[112 * 112 * 3], flat = new byte[112 * 112 * 3];
        new Random(2).NextBytes(noise);
        var face = new DetectedFace(new FaceBox(0, 0, 100, 100), 0.9f, Frontal);
        float sharp = QualityAssessor.Assess(face, new AlignedFace(112, noise)).Sharpness;
        float dull = QualityAssessor.Assess(face, new AlignedFace(112, flat)).Sharpness;
        dull.ShouldBe(0);
        sharp.ShouldBeGreaterThan(1_000);
    }

    [Fact]
    public void Each_minimum_gives_its_own_reason_and_they_add_up()
    {
        var policy = new QualityPolicy();
        policy.Evaluate(Good).ShouldBeEmpty();
        policy.Evaluate(Good with { FaceSize = 8 }).ShouldBe([QualityRejection.FaceTooSmall]);
        policy.Evaluate(Good with { Sharpness = 0.5f }).ShouldBe([QualityRejection.Blurred]);
        policy.Evaluate(Good with { DetectorScore = 0.2f, Yaw = -89 }).ShouldBe([QualityRejection.LowDetectorScore, QualityRejection.ExtremePose]);
    }

    [Fact]
    public void Codes_are_stable()
    {
        Enum.GetValues<QualityRejection>().Select(r => r.ToCode()).ShouldBe(["low-detector-score", "face-too-small", "blurred", "extreme-pose"]);
        Enum.GetValues<ImageRejection>().Select(r => r.ToCode()).ShouldBe(
            ["empty", "too-many-bytes", "unsupported-format", "too-many-pixels", "too-long-side", "damaged", "timed-out", "busy"]);
    }

    /// <summary>Landmarks of a generic head seen from afar; positive yaw turns the nose to the image's right, positive pitch down.</summary>
    private static FaceLandmarks Turned(double yaw, double pitch, double roll)
    {
        double y = yaw * Math.PI / 180, p = pitch * Math.PI / 180, r = roll * Math.PI / 180;
        ImagePoint Project(double u, double v, double w)
        {
            double x1 = u * Math.Cos(y) + w * Math.Sin(y), z1 = -u * Math.Sin(y) + w * Math.Cos(y);
            double y1 = v * Math.Cos(p) + z1 * Math.Sin(p);
            return new((float)(100 + 40 * (x1 * Math.Cos(r) - y1 * Math.Sin(r))), (float)(100 + 40 * (x1 * Math.Sin(r) + y1 * Math.Cos(r))));
        }
        return new FaceLandmarks(Project(-1, 0, 0), Project(1, 0, 0), Project(0, 1.27, 0.9), Project(-0.83, 2.31, 0.15), Project(0.83, 2.31, 0.15));
    }
}
