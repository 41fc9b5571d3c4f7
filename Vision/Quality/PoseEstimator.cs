namespace FaceSearch.Vision;

/// <summary>
/// Head pose from five landmarks: the least-squares affine camera that maps a 3-D face model to the landmarks, made
/// orthogonal (one step of POSIT; DeMenthon and Davis, IJCV 1995). Good to some ten degrees, which is what a
/// rejection of extreme poses needs.
/// </summary>
internal static class PoseEstimator
{
    // Half the distance between the pupils = 1. x right, y down, z towards the camera: eyes, nose tip, mouth corners.
    // The nose's height is such that the median face of LFW, landmarks by YuNet, has pitch 0.
    private static readonly double[][] Model =
        [[-1, 0, 0], [1, 0, 0], [0, 1.27, 0.9], [-0.83, 2.31, 0.15], [0.83, 2.31, 0.15]];

    /// <summary>Maps 2-D coordinates of the five points to the affine rows: (M^T M)^-1 M^T of the centred model.</summary>
    private static readonly double[,] PseudoInverse = Invert();

    /// <summary>Degrees; see <see cref="FaceQuality"/> for the signs.</summary>
    public static (float Yaw, float Pitch, float Roll) Estimate(in FaceLandmarks landmarks)
    {
        Span<ImagePoint> points = stackalloc ImagePoint[5];
        landmarks.CopyTo(points);
        Span<double> right = stackalloc double[3], down = stackalloc double[3];
        for (int axis = 0; axis < 3; axis++)
        {
            for (int i = 0; i < 5; i++)
            {
                right[axis] += PseudoInverse[axis, i] * points[i].X;
                down[axis] += PseudoInverse[axis, i] * points[i].Y;
            }
        }
        // The head's forward axis as the camera sees it, in units of the head's scale.
        double scale = (Length(right) + Length(down)) / 2;
        if (!(scale > 1e-6))
            return (90, 90, 0);
        double yaw = Math.Asin(Math.Clamp(right[2] / scale, -1, 1));
        double pitch = Math.Asin(Math.Clamp(down[2] / scale, -1, 1));
        double roll = Math.Atan2(landmarks.RightEye.Y - landmarks.LeftEye.Y, landmarks.RightEye.X - landmarks.LeftEye.X);

        // Yaw and pitch of the upright head: undo the roll first.
        double x = Math.Sin(yaw) * Math.Cos(roll) + Math.Sin(pitch) * Math.Sin(roll);
        double y = -Math.Sin(yaw) * Math.Sin(roll) + Math.Sin(pitch) * Math.Cos(roll);
        return (Degrees(Math.Asin(Math.Clamp(x, -1, 1))), Degrees(Math.Asin(Math.Clamp(y, -1, 1))), Degrees(roll));
    }

    private static double Length(ReadOnlySpan<double> v) => Math.Sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);

    private static float Degrees(double radians) => (float)(radians * 180 / Math.PI);

    private static double[,] Invert()
    {
        double[] mean = [.. Enumerable.Range(0, 3).Select(a => Model.Average(p => p[a]))];
        double[][] centred = [.. Model.Select(p => (double[])[p[0] - mean[0], p[1] - mean[1], p[2] - mean[2]])];
        double[,] m = new double[3, 3];
        foreach (double[] p in centred)
        {
            for (int i = 0; i < 9; i++)
                m[i / 3, i % 3] += p[i / 3] * p[i % 3];
        }
        double[,] inverse = Inverse3(m);
        double[,] result = new double[3, 5];
        for (int i = 0; i < 15; i++)
            result[i / 5, i % 5] = Enumerable.Range(0, 3).Sum(k => inverse[i / 5, k] * centred[i % 5][k]);
        return result;
    }

    /// <summary>Inverse of a symmetric 3 x 3 matrix by its cofactors.</summary>
    private static double[,] Inverse3(double[,] m)
    {
        double[,] inverse = new double[3, 3];
        double determinant = 0;
        for (int i = 0; i < 3; i++)
        {
            for (int j = 0; j < 3; j++)
            {
                int a = (j + 1) % 3, b = (j + 2) % 3, c = (i + 1) % 3, d = (i + 2) % 3;
                inverse[i, j] = m[a, c] * m[b, d] - m[a, d] * m[b, c];
            }
        }
        for (int j = 0; j < 3; j++)
            determinant += m[0, j] * inverse[j, 0];
        for (int i = 0; i < 9; i++)
            inverse[i / 3, i % 3] /= determinant;
        return inverse;
    }
}
