namespace IommuKit.Cli.Extensions;

/// <summary>What was loaded cannot be used.</summary>
internal sealed class ExtensionException : Exception
{
    /// <summary>Makes an exception.</summary>
    public ExtensionException()
        : this("it cannot be used")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">Why, in a line that goes on after the file's name.</param>
    public ExtensionException(string message)
        : base(message)
    {
    }

    /// <inheritdoc cref="ExtensionException(string)"/>
    public ExtensionException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
