import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Generated objects read along a path of names, and written as JSON. */
final class Objects {
    /** The texts at a path, through lists, arrays and holders. */
    static List<String> read(Object value, List<String> path) throws Exception {
        Object here = value;
        if (value != null && value.getClass().getSimpleName().endsWith("Holder")) {
            here = value.getClass().getField("value").get(value);
        }
        List<String> found = new ArrayList<>();
        if (here instanceof Object[]) {
            here = List.of((Object[]) here);
        }
        if (here instanceof Collection) {
            for (Object item : (Collection<?>) here) {
                found.addAll(read(item, path));
            }
        } else if (here != null && path.isEmpty()) {
            found.add(here.toString());
        } else if (here != null) {
            Object next = here.getClass().getMethod("get" + capital(path.get(0))).invoke(here);
            found.addAll(read(next, path.subList(1, path.size())));
        }
        return found;
    }

    static String capital(String name) {
        return Character.toUpperCase(name.charAt(0)) + name.substring(1);
    }

    static String json(Object value) {
        if (value instanceof Map) {
            return ((Map<?, ?>) value).entrySet().stream()
                    .map(entry -> json(entry.getKey()) + ":" + json(entry.getValue()))
                    .collect(Collectors.joining(",", "{", "}"));
        }
        if (value instanceof Collection) {
            return ((Collection<?>) value).stream().map(Objects::json).collect(Collectors.joining(",", "[", "]"));
        }
        if (value instanceof Boolean) {
            return value.toString();
        }
        return value.toString().chars()
                .mapToObj(one -> one < 32 || one > 126 || one == '"' || one == '\\'
                        ? String.format("\\u%04x", one)
                        : String.valueOf((char) one))
                .collect(Collectors.joining("", "\"", "\""));
    }

    private Objects() {}
}
