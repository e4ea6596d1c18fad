namespace IommuKit.Cli.Extensions;

/// <summary>What was loaded cannot be used.</summary>
/// <param name="message">Why, in a line.</param>
/// <param name="inner">What it comes from, or null.</param>
internal sealed class ExtensionException(string message, Exception? inner = null) : Exception(message, inner);
