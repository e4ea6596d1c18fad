namespace IommuKit.Traces;

/// <summary>Something that the user gave cannot be used. The message names it and says what is wrong, in one line.</summary>
public sealed class InputException : Exception
{
    /// <summary>Makes an exception.</summary>
    public InputException()
        : this("the input cannot be used")
    {
    }

    /// <summary>Makes an exception.</summary>
    public InputException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception.</summary>
    public InputException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Makes an exception about a place in a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="line">The line, counted from 1, if there is one.</param>
    /// <param name="problem">What is wrong.</param>
    public InputException(string path, long? line, string problem)
        : base(line is null ? $"{path}: {problem}" : $"{path}:{line}: {problem}")
    {
    }
}
