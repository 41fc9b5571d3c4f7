namespace FaceSearch.TrainingJob.Networks;

/// <summary>FaceNet's NN1 (table 1 of the paper): the network of Zeiler and Fergus with 1x1 convolutions between.</summary>
public static class ZeilerFergusNetwork
{
    /// <summary>220x220, 140M parameters of which 137M are in two fully connected layers, 1.6G multiply-adds.</summary>
    public static NetworkDefinition Nn1(NetworkOptions options)
    {
        var b = new NetworkBuilder("nn1", new FeatureShape(3, 220, 220));
        NetworkNode x = b.Rectified(options, "conv1", b.Input, 64, 7, stride: 2);
        x = b.Add("pool1", new MaxPool(3, 2, 1), x);
        x = b.ResponseNorm(options, "rnorm1", x);
        x = b.Rectified(options, "conv2a", x, 64, 1);
        x = b.Rectified(options, "conv2", x, 192, 3);
        x = b.ResponseNorm(options, "rnorm2", x);
        x = b.Add("pool2", new MaxPool(3, 2, 1), x);
        x = b.Rectified(options, "conv3a", x, 192, 1);
        x = b.Rectified(options, "conv3", x, 384, 3);
        x = b.Add("pool3", new MaxPool(3, 2, 1), x);
        x = b.Rectified(options, "conv4a", x, 384, 1);
        x = b.Rectified(options, "conv4", x, 256, 3);
        x = b.Rectified(options, "conv5a", x, 256, 1);
        x = b.Rectified(options, "conv5", x, 256, 3);
        x = b.Rectified(options, "conv6a", x, 256, 1);
        x = b.Rectified(options, "conv6", x, 256, 3);
        x = b.Add("pool4", new MaxPool(3, 2, 1), x);
        x = b.Maxout("fc1", x, 32 * 128);
        x = b.Maxout("fc2", x, 32 * 128);
        return b.Embedding("fc7128", x, options.Dimension);
    }
}
