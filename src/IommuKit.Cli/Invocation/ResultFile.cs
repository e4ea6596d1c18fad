using System.Text;
using IommuKit.Traces;

namespace IommuKit.Cli.Invocation;

/// <summary>
/// Where results go: the standard output, or what <c>--output</c> names. A file appears whole or not at all; links are followed and stay links;
/// into a device or pipe the results are written, once there are any, and it stays what it is.
/// </summary>
internal sealed class ResultFile : IDisposable
{
    // As many as Linux follows.
    private const int MaxLinks = 40;

    private readonly string? _name;
    private readonly string _option = string.Empty;
    private readonly string _target = string.Empty;
    private readonly bool _isAppended;
    private readonly TemporaryFile? _temporary;

    private ResultFile(TextWriter standardOutput)
    {
        Writer = standardOutput;
    }

    private ResultFile(string option, string name, string target, bool isAppended, TemporaryFile? temporary)
    {
        _option = option;
        Writer = new StringWriter();
        _name = name;
        _target = target;
        _isAppended = isAppended;
        _temporary = temporary;
    }

    /// <summary>Takes the results.</summary>
    public TextWriter Writer { get; }

    /// <summary>
    /// The file that the results are in, as the user named it: null before <see cref="Commit"/>, and of pipes, devices and what the caller has open.
    /// </summary>
    public string? WrittenFile { get; private set; }

    /// <summary>Finds out where results go, and whether they can.</summary>
    /// <param name="name">What the user named, or null for the standard output.</param>
    /// <param name="standardOutput">The standard output.</param>
    /// <param name="inputs">The files that the results are made of.</param>
    /// <param name="option">The option that named it.</param>
    /// <param name="endsOnInterrupt">Whether SIGINT ends the process before the file is whole.</param>
    /// <param name="endsOnSignals">Whether other signals do.</param>
    /// <exception cref="InputException">Nothing can be written there.</exception>
    public static ResultFile Open(
        string? name,
        TextWriter standardOutput,
        IEnumerable<string> inputs,
        string option = "--output",
        bool endsOnInterrupt = true,
        bool endsOnSignals = true)
    {
        if (name is null or "-")
        {
            return new ResultFile(standardOutput);
        }

        if (name.Length == 0)
        {
            throw new InputException($"{option}: the name of the file is empty");
        }

        try
        {
            string target = FollowLinks(option, name, out bool isOfProcess);
            if (Directory.Exists(target))
            {
                throw new InputException($"{option} {name}: is a directory");
            }

            var identity = FileIdentity.Of(name);
            if (identity is { IsRegular: false })
            {
                return new ResultFile(option, name, name, isAppended: false, temporary: null);
            }

            if (identity is not null && inputs.Any(input => FileIdentity.Of(input == "-" ? "/dev/stdin" : input) == identity))
            {
                throw new InputException($"{option} {name}: is a file that is read here");
            }

            if (isOfProcess)
            {
                // A file that the caller has open; it must stay the same file, with what the caller wrote before.
                return new ResultFile(option, name, name, isAppended: true, temporary: null);
            }

            if (identity is not null)
            {
                // Taking the place of a file must not do what writing to it could not.
                File.OpenWrite(target).Dispose();
            }

            return new ResultFile(option, name, target, isAppended: false, new TemporaryFile(target, endsOnInterrupt, endsOnSignals));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Problem(option, name, e);
        }
    }

    /// <summary>Makes sure that two results do not take each other's place.</summary>
    /// <param name="other">Where other results go, if there are any.</param>
    /// <exception cref="InputException">They go to the same file.</exception>
    public void RefuseSameAs(ResultFile? other)
    {
        if (_temporary is not null && other?._temporary is not null
            && Path.GetFileName(_target) == Path.GetFileName(other._target) && FolderOf(_target) == FolderOf(other._target))
        {
            throw new InputException($"{_option} {_name}: is the file of {other._option} too");
        }

        static string? FolderOf(string path)
        {
            string? folder = Path.GetDirectoryName(path);
            return folder is null ? null : FileIdentity.Of(folder)?.Id ?? folder;
        }
    }

    /// <summary>Puts the results in their place.</summary>
    /// <exception cref="InputException">They cannot be written.</exception>
    public void Commit()
    {
        if (_name is null)
        {
            return;
        }

        try
        {
            string text = Writer.ToString()!;
            if (_temporary is not null)
            {
                _temporary.Commit(text, _target);
                WrittenFile = _name;
                return;
            }

            var mode = _isAppended ? FileMode.Append : FileMode.Open;
            using var stream = new FileStream(_target, mode, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            stream.Write(Encoding.UTF8.GetBytes(text));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Problem(_option, _name, e);
        }
    }

    /// <summary>Opens the file for more content than there is memory for, in place of <see cref="Writer"/>.</summary>
    /// <exception cref="InputException">It cannot be opened.</exception>
    public Stream OpenContent()
    {
        try
        {
            return _temporary is not null
                ? _temporary.OpenContent()
                : new FileStream(_target, _isAppended ? FileMode.Append : FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Problem(_option, _name!, e);
        }
    }

    /// <summary>Puts the content of <see cref="OpenContent"/> in its place.</summary>
    /// <exception cref="InputException">It cannot be put there.</exception>
    public void CommitContent()
    {
        try
        {
            _temporary?.CommitContent(_target);
            WrittenFile = _name;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Problem(_option, _name!, e);
        }
    }

    /// <summary>Removes what was not committed.</summary>
    public void Dispose() => _temporary?.Dispose();

    private static InputException Problem(string option, string name, Exception exception) => new(
        $"{option} {name}: "
            + (exception is not (FileNotFoundException or DirectoryNotFoundException) ? FileProblem.Describe(exception)
                : Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(name))) ? "no file can be made there"
                : "there is no such folder"),
        exception);

    /// <summary>The path at the end of all links, which need not exist.</summary>
    /// <param name="option">The option that named it.</param>
    /// <param name="name">A path.</param>
    /// <param name="isOfProcess">Whether the way leads through the open files of a process, as that of /dev/stdout does.</param>
    private static string FollowLinks(string option, string name, out bool isOfProcess)
    {
        isOfProcess = false;
        string path = Path.GetFullPath(name);
        for (int links = 0; links <= MaxLinks; links++)
        {
            isOfProcess |= path.StartsWith("/proc/", StringComparison.Ordinal) || path.StartsWith("/dev/fd/", StringComparison.Ordinal);
            if (isOfProcess || new FileInfo(path).LinkTarget is not { } link)
            {
                return path;
            }

            path = Path.GetFullPath(link, Path.GetDirectoryName(path)!);
        }

        throw new InputException($"{option} {name}: leads through too many links");
    }
}
